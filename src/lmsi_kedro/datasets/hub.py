"""A public benchmark on the Hugging Face hub.

The class of kedro-datasets is not used, because it needs the network even to describe itself.
"""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class HubDataset(AbstractDataset[NoReturn, Any]):
    """All splits of one configuration of a dataset; it uses the network only when it is loaded."""

    def __init__(self, *, name: str, config: str, metadata: dict[str, Any] | None = None) -> None:
        self._name, self._config = name, config
        self.metadata = metadata

    def load(self) -> Any:
        from datasets import load_dataset

        return load_dataset(self._name, name=self._config)

    def save(self, data: NoReturn) -> NoReturn:
        raise DatasetError(f"{self._name} is read-only: it is a dataset of the hub")

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "config": self._config}
