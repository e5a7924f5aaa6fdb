"""`lmsi export gguf`: writes the file and checks that its answers equal those of the safetensors."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lmsi_kedro.commands.export.folders import CARD
from lmsi_kedro.commands.try_model.asking import question_as
from lmsi_kedro.datasets.gguf_file import converted
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.gguf.model import write_model
from lmsi_kedro.model_files import load_model

PROMPTS = 4
NEW_TOKENS = 32  # length of each compared greedy answer


def export_gguf(model: Model, folder: Path, name: str, catalog: Any, params: dict[str, Any]) -> str:
    """Writes NAME-f16.gguf and the card; raises ValueError for unsupported models, or if the answers differ."""
    prompts = prompts_of_run(catalog, params)
    file = folder / f"{name}-f16.gguf"
    written = write_model(model.path, file, prompts)
    check(file, written.weights, [written.tokenizer.encode(prompt) for prompt in prompts])
    if (model.path / CARD).exists():
        (folder / CARD).write_bytes((model.path / CARD).read_bytes())
    count = len(prompts)
    checked = f"{file.name}: {count} of {count} greedy answers equal those of the safetensors"
    if not written.different:
        return checked
    return (
        f"{checked}. llama.cpp lacks this tokenizer's split expression: with the closest one, {written.split},"
        f" it encodes {written.different} of {count} prompts differently, so send it token ids"
    )


def prompts_of_run(catalog: Any, params: dict[str, Any]) -> list[str]:
    """Returns the run's prompts for the first question of each task in the question file."""
    firsts = catalog.load("raw_questions").unique("task", keep="first", maintain_order=True)
    rows = firsts.head(PROMPTS).iter_rows(named=True)
    return [question_as(row, catalog, params).prompt for row in rows]


def check(file: Path, model: Any, prompts: list[list[int]]) -> None:
    """Raises ValueError unless the file and the model give the same greedy answers, both in float32."""
    import torch

    with TemporaryDirectory(dir=file.parent) as folder:
        # The converted model is saved and loaded again, because its buffers have no data.
        converted(file)[0].save_pretrained(folder)
        written = load_model(Path(folder), torch.float32, False)
    models = [model.float().eval(), written.eval()]
    for prompt in prompts:
        expected, found = (greedy(each, prompt, model) for each in models)
        if expected != found:
            raise ValueError(
                f"{file.name} gives other answers than the safetensors, so it is not kept"
            )


def greedy(model: Any, prompt: list[int], original: Any) -> list[int]:
    """Returns the token ids of the greedy answer to a prompt, up to an end token of the original model."""
    import torch

    ids = torch.tensor([prompt])
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=original.generation_config.eos_token_id,
        pad_token_id=0,
    )
    return list(made[0, len(prompt) :].tolist())
