"""`lmsi export`: writes the model or data of a finished run in a common format, and can upload it to the hub."""

import argparse
from pathlib import Path
from typing import Any

from lmsi_kedro.commands.project import add_configuration, configured, model_named

FORMS = {
    "model": "merged safetensors, tokenizer and card",
    "adapter": "the LoRA adapter alone",
    "gguf": "one float16 file for llama.cpp, for Llama-type models",
    "data": "examples and votes, in a folder that `datasets` loads",
}


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "export",
        help="export the model as safetensors, adapter or GGUF, or the data; push to the hub",
    )
    forms = "; ".join(f"{name}: {what}" for name, what in FORMS.items())
    command.add_argument("form", choices=FORMS, help=forms)
    command.add_argument("to", type=Path, help="a new folder")
    command.add_argument(
        "--model", help="a model, as for lmsi try; default: that of the last round"
    )
    command.add_argument(
        "--push", metavar="OWNER/NAME", help="upload the folder; a dry run without a token"
    )
    command.add_argument(
        "--private", action="store_true", help="make the pushed repository private"
    )
    add_configuration(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> str:
    """Creates the folder and describes its content."""
    from lmsi_kedro.commands.export.folders import new_folder
    from lmsi_kedro.commands.export.hub import push

    with configured(args.env, args.params) as (catalog, params):
        with new_folder(args.to) as prepared:
            description = fill(args, prepared, catalog, params)
        if args.push:
            description += "\n" + push(args.to, args.push, args.form == "data", args.private)
    return description


def fill(args: argparse.Namespace, folder: Path, catalog: Any, params: dict[str, Any]) -> str:
    """Writes the chosen form to the folder; returns a description of the content."""
    from lmsi_kedro.commands.export import folders
    from lmsi_kedro.commands.export.gguf import export_gguf

    if args.form == "data":
        return folders.export_data(folder, catalog) + f" are in {args.to}"
    model = model_named(args.model or folders.last_model(catalog), catalog)
    if args.form == "gguf":
        return export_gguf(model, folder, args.to.name, catalog, params)
    if args.form == "adapter":
        folders.copy_adapter(model, folder)
        return f"the LoRA adapter of {model.path} is in {args.to}"
    folders.copy_model(model, folder)
    return f"{model.path}, digest {model.digest}, is in {args.to}"
