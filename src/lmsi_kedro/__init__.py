"""Language models that improve themselves on unlabeled questions."""
