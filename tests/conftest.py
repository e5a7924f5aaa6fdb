"""Its presence puts tests/ on the import path, for the tables of `fabricate`."""
