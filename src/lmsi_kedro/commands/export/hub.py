"""Uploads a folder to the Hugging Face hub, or lists what it would upload."""

from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError


def push(folder: Path, name: str, is_data: bool, private: bool) -> str:
    """Uploads the folder and returns its address; without a token, returns the list of files.

    Raises ValueError if the hub rejects the upload.
    """
    kind = "dataset" if is_data else "model"
    place = f"https://huggingface.co/{'datasets/' if is_data else ''}{name}"
    if get_token() is None:
        return (
            f"Dry run, as there is no token (`hf auth login`, or HF_TOKEN): {place} would receive\n"
            + "\n".join(listed(folder))
        )
    api = HfApi()
    try:
        api.create_repo(name, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, repo_type=kind)
    except (HfHubHTTPError, ValueError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{name} was not pushed, {folder} is kept: {reason}") from error
    return f"pushed to {place}"


def listed(folder: Path) -> list[str]:
    """Returns the files of the folder with their sizes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [f"  {path.relative_to(folder)}  {path.stat().st_size / 1e6:,.1f} MB" for path in files]
