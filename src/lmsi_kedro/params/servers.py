"""Parameters of servers that sample paths, running or launched, and of the chat endpoint that extracts answers."""

import re
import shlex
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from lmsi_kedro.params.base import Params

# {model}: the model directory, {gguf}: the same as a GGUF file, {name}: the name under which it is served,
# {gpus}: the number of GPUs per server, {dtype}: the resolved engine.dtype.
COMMANDS = {
    "vllm": "vllm serve {model} --host 127.0.0.1 --port {port} --served-model-name {name} --dtype {dtype} "
    "--tensor-parallel-size {gpus}",
    "sglang": "python -m sglang.launch_server --model-path {model} --host 127.0.0.1 --port {port} "
    "--served-model-name {name} --dtype {dtype} --tp-size {gpus}",
    "llama.cpp": "llama-server --model {gguf} --host 127.0.0.1 --port {port} --alias {name}",
    "transformers": "transformers serve {model} --host 127.0.0.1 --port {port} --dtype {dtype}",
}


# Matches the name of an option or variable that contains a secret: --api-key, --hf-token, HF_TOKEN=, but not
# --max-num-tokens.
SECRET = re.compile(r"(^|[-_])(api[-_]?key|token|password|passwd|secret|hft)$", re.IGNORECASE)


class RequestParams(Params):
    """How requests are sent to servers."""

    model_config = ConfigDict(hide_input_in_errors=True)  # urls and options may contain a password

    concurrency: int = Field(default=32, gt=0, description="requests in flight, over all servers")
    retries: int = Field(default=6, ge=0, description="per server, with exponential backoff")
    timeout_seconds: float = Field(default=600.0, gt=0, description="per request")


class Advice(NamedTuple):
    """Parts of error messages: the parameters with a server's url and model, and how to run without the server.

    key: the environment variable with the API key, which is sent as the bearer token.
    """

    url: str
    model: str
    without: str
    key: str = "LMSI_API_KEY"


class EndpointParams(RequestParams):
    """An OpenAI-compatible endpoint, or a fleet of them (vLLM, SGLang, llama.cpp, transformers serve, ...)."""

    advice: ClassVar[Advice]

    urls: list[str] = Field(min_length=1, description="including /v1; all serve the same model")
    model: str = Field(min_length=1, description="the name under which it is served")

    @field_validator("urls", mode="before")
    @classmethod
    def one_is_a_list(cls, urls: Any) -> Any:
        """Turns a single url, as from --params, into a list."""
        return [urls] if isinstance(urls, str) else urls

    @field_validator("urls")
    @classmethod
    def have_a_scheme(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{cls.advice.url}: each must begin with http:// or https://")
            if "@" in url or "?" in url:
                raise ValueError(
                    f"{cls.advice.url}: no user, password or key may be in a url, as urls are stored and shown: "
                    f"give the key in the environment variable {cls.advice.key}"
                )
        return urls


class ServerParams(EndpointParams):
    """Running servers that sample paths."""

    advice: ClassVar[Advice] = Advice(
        "engine.server.urls", "engine.server.model", "take it out of engine.server.urls"
    )

    revision: str = Field(
        pattern="^sha256:[0-9a-f]{8,64}$",
        description="the beginning of the digest of the served model, which servers do not report",
    )


class ReaderParams(EndpointParams):
    """A chat endpoint that extracts answers which no rule can parse. It has a separate API key."""

    advice: ClassVar[Advice] = Advice(
        "voting.reader.urls",
        "voting.reader.model",
        "set voting.reader to null",
        "LMSI_READER_API_KEY",
    )


class LaunchedParams(ServerParams):
    """Servers that the run has started."""

    advice: ClassVar[Advice] = Advice(
        "engine.launch.server", "engine.launch.options", "set another engine.launch.server"
    )


class LaunchParams(RequestParams):
    """The servers that the run starts for each model: engine.workers of them, which share the GPUs."""

    server: str = Field(description="one of COMMANDS, or a command line with placeholders")
    options: str = Field(default="", description="more arguments, such as --max-model-len 8192")
    start_seconds: float = Field(default=1800.0, gt=0, description="time limit for starting")
    folder: str = Field(description="for logs, and for GGUF files while they are served")

    @field_validator("server", "options")
    @classmethod
    def have_no_secret(cls, arguments: str) -> str:
        """Refuses secrets: a command is logged, stored with the run, and visible to all users of the machine."""
        for word in arguments.split():
            name, equals, _ = word.strip("'\"").partition("=")
            if (equals or name.startswith("-")) and SECRET.search(name):
                raise ValueError(
                    f"engine.launch: {name} would be stored with its value: set the server's variable for "
                    "it instead (HF_TOKEN, VLLM_API_KEY, LLAMA_API_KEY), and LMSI_API_KEY to the same key"
                )
        return arguments

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
            raise ValueError(
                f"engine.launch is not a command line: {self.command}: {error}"
            ) from None
        return self

    @property
    def command(self) -> str:
        """The command line with its placeholders, such as {port}."""
        return f"{COMMANDS.get(self.server, self.server)} {self.options}".strip()
