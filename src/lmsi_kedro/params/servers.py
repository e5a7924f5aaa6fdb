"""Servers that draw paths, which run already or are started by the run, and the one that reads answers."""

import re
import shlex
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from lmsi_kedro.params.base import Params

# {model}: what is served, {gguf}: the same as a GGUF file, {name}: under which name,
# {gpus}: how many one server has, {dtype}: as engine.dtype decides.
COMMANDS = {
    "vllm": "vllm serve {model} --host 127.0.0.1 --port {port} --served-model-name {name} --dtype {dtype} "
    "--tensor-parallel-size {gpus}",
    "sglang": "python -m sglang.launch_server --model-path {model} --host 127.0.0.1 --port {port} "
    "--served-model-name {name} --dtype {dtype} --tp-size {gpus}",
    "llama.cpp": "llama-server --model {gguf} --host 127.0.0.1 --port {port} --alias {name}",
    "transformers": "transformers serve {model} --host 127.0.0.1 --port {port} --dtype {dtype}",
}


# Ends the name of an option or variable with a secret: --api-key, --hf-token, HF_TOKEN=, but not --max-num-tokens.
SECRET = re.compile(r"(^|[-_])(api[-_]?key|token|password|passwd|secret|hft)$", re.IGNORECASE)


class RequestParams(Params):
    """How servers are asked."""

    model_config = ConfigDict(hide_input_in_errors=True)  # urls and options may hold a password

    concurrency: int = Field(default=32, gt=0, description="requests at a time, over all servers")
    retries: int = Field(default=6, ge=0, description="of a server, with growing pauses")
    timeout_seconds: float = Field(default=600.0, gt=0, description="of one request")


class Advice(NamedTuple):
    """What errors name: where a server's url and model are set, how to do without it, and where its key is.

    The key is an environment variable; what it holds is sent as the bearer token.
    """

    url: str
    model: str
    without: str
    key: str = "LMSI_API_KEY"


class EndpointParams(RequestParams):
    """An OpenAI-compatible endpoint, or a fleet of them (vLLM, SGLang, llama.cpp, transformers serve, ...)."""

    advice: ClassVar[Advice]

    urls: list[str] = Field(
        min_length=1, description="up to and with /v1; all serve the same model"
    )
    model: str = Field(min_length=1, description="the name under which they serve it")

    @field_validator("urls", mode="before")
    @classmethod
    def one_is_a_list(cls, given: Any) -> Any:
        """A single url, as --params gives it."""
        return [given] if isinstance(given, str) else given

    @field_validator("urls")
    @classmethod
    def have_a_scheme(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{cls.advice.url}: each must begin with http:// or https://")
            if "@" in url or "?" in url:
                raise ValueError(
                    f"{cls.advice.url}: no user, password or key may be in a url, as urls are stored and shown: "
                    f"give the key by the environment variable {cls.advice.key}"
                )
        return urls


class ServerParams(EndpointParams):
    """Servers that draw paths."""

    advice: ClassVar[Advice] = Advice(
        "engine.server.urls", "engine.server.model", "take it out of engine.server.urls"
    )

    revision: str = Field(
        pattern="^sha256:[0-9a-f]{8,64}$",
        description="of the weights, which servers cannot tell: the beginning of the model's digest",
    )


class ReaderParams(EndpointParams):
    """A chat endpoint that finds the answers which no rule can parse. Its key is not the one of the engine."""

    advice: ClassVar[Advice] = Advice(
        "voting.reader.urls",
        "voting.reader.model",
        "set voting.reader to null",
        "LMSI_READER_API_KEY",
    )


class LaunchedParams(ServerParams):
    """Servers that a run has started."""

    advice: ClassVar[Advice] = Advice(
        "engine.launch.server", "engine.launch.options", "set another engine.launch.server"
    )


class LaunchParams(RequestParams):
    """The servers that a run starts for each model it samples: engine.workers of them, which share the GPUs."""

    server: str = Field(description="one of COMMANDS, or such a command line")
    options: str = Field(default="", description="more arguments, such as --max-model-len 8192")
    start_seconds: float = Field(default=1800.0, gt=0, description="until a server answers at most")
    folder: str = Field(description="of logs, and of GGUF files while they are served")

    @field_validator("server", "options")
    @classmethod
    def have_no_secret(cls, given: str) -> str:
        """A command is logged, stored with the run, and shown to all by the system."""
        for word in given.split():
            name, equals, _ = word.strip("'\"").partition("=")
            if (equals or name.startswith("-")) and SECRET.search(name):
                raise ValueError(
                    f"engine.launch: {name} would be stored with its value: set the server's variable for "
                    "it instead (HF_TOKEN, VLLM_API_KEY, LLAMA_API_KEY), and LMSI_API_KEY to the key that it wants"
                )
        return given

    @field_validator("server")
    @classmethod
    def is_a_command(cls, server: str) -> str:
        if server in COMMANDS:
            return server
        if "{port}" not in server or not ("{model}" in server or "{gguf}" in server):
            raise ValueError(
                f"engine.launch.server must be {', '.join(COMMANDS)}, or a command line with {{model}} and "
                f"{{port}}, not {server!r}"
            )
        return server

    @model_validator(mode="after")
    def can_be_split(self) -> Self:
        try:
            shlex.split(self.command)
        except ValueError as error:
            raise ValueError(f"engine.launch is no command line: {self.command}: {error}") from None
        return self

    @property
    def command(self) -> str:
        """With its places left open."""
        return f"{COMMANDS.get(self.server, self.server)} {self.options}".strip()
