"""Its presence puts the repository on the import path, for `tests.fabricate` and its like."""
