"""A pydantic model as a JSON file, so that values between nodes are typed and validated."""

from importlib import import_module
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview
from pydantic import BaseModel, ValidationError

from lmsi_kedro import durable


class ModelJson(AbstractDataset[BaseModel, BaseModel]):
    """A JSON file that must match `model`, the dotted name of a pydantic class."""

    def __init__(
        self, *, filepath: str, model: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._path, self._model = Path(filepath), model
        self.metadata = metadata

    def load(self) -> BaseModel:
        module, name = self._model.rsplit(".", 1)
        model: type[BaseModel] = getattr(import_module(module), name)
        try:
            return model.model_validate_json(self._path.read_bytes())
        except ValidationError as error:
            raise DatasetError(f"{self._path} is not a valid {name}: {error}") from None

    def save(self, data: BaseModel) -> None:
        durable.write(self._path, data.model_dump_json(indent=2).encode())

    def preview(self) -> JSONPreview:
        """Returns the values, for Kedro-Viz."""
        return JSONPreview(self.load().model_dump_json())

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "model": self._model}
