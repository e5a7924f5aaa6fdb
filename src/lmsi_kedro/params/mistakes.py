"""Error messages for wrong parameters: the name, the value, and what is allowed."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, RootModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)
LISTED = 40  # maximum names in a line


def unknown(where: str, name: str, existing: Iterable[str]) -> str:
    """Returns the message that `where` has no such name, with the nearest known names, or all if none is near."""
    names = sorted(existing)
    if near := nearest(name, names):
        return f"{where}: there is no {name}; did you mean {' or '.join(near)}?"
    listed = ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
    return f"{where}: there is no {name}; known are {listed}"


def nearest(name: str, existing: Iterable[str]) -> list[str]:
    """Returns at most two names that are spelled similarly, or that contain this one."""
    names = list(existing)
    alike = difflib.get_close_matches(name, names, n=2, cutoff=0.7)
    return alike or [each for each in names if name and name in each][:2]


def within(name: str, parameters: dict[str, Any]) -> list[str]:
    """Returns the fields of groups that are spelled like this name, which was given without a group."""
    groups = {group: fields for group, fields in parameters.items() if isinstance(fields, dict)}
    return [f"{group}.{near}" for group, fields in groups.items() for near in nearest(name, fields)]


def typed(name: str, model: type[Model], value: Any) -> Model:
    """Validates a group of parameters; raises ValueError with a sentence for each wrong value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValueError("; ".join(dict.fromkeys(sentences(name, model, value, error)))) from None


def sentences(
    name: str, model: type[BaseModel], value: Any, error: ValidationError
) -> Iterator[str]:
    """Yields one sentence for each wrong field of `value`; the alternatives of a union are joined."""
    alternatives: dict[str, list[Any]] = {}
    for each in error.errors():
        steps = [name, *place_of(each, value)]
        alternatives.setdefault(".".join(map(str, steps)), []).append(each)
    kinds = {each["type"] for each in error.errors()}
    for place, (first, *others) in alternatives.items():
        if any(deeper.startswith(f"{place}.") for deeper in alternatives):
            continue  # the value matches another alternative of the union better
        if first["type"] == "missing" and "extra_forbidden" in kinds:
            continue  # it is probably the unknown field, misspelt
        if first["type"] == "extra_forbidden":
            group, _, field = place.rpartition(".")
            yield unknown(f"parameters: {group}", field, fields_at(model, first["loc"][:-1]))
        elif first["type"] == "missing":
            yield f"parameters: {place} is missing"
        elif first["type"] == "value_error":
            yield f"parameters: {first['ctx']['error']}"
        else:
            yield wrong_value(place, first["input"], [demand(each) for each in (first, *others)])


def wrong_value(place: str, value: Any, demands: list[str]) -> str:
    wanted = " or ".join(dict.fromkeys(demands))
    near = nearest(str(value), re.findall("'([^']+)'", wanted))
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"parameters: {place} must be {wanted}, not {value!r}{hint}"


def demand(error: Any) -> str:
    """Returns what pydantic expects, without its details."""
    wanted = re.sub(r"^(Input|List|Value|String|Dictionary) should (be )?", "", error["msg"])
    return wanted.partition(", ")[0] if "parsing" in error["type"] else wanted


def place_of(error: Any, value: Any) -> Iterator[str | int]:
    """Yields the keys of the data in an error's location, which also names the alternatives of unions."""
    for step in error["loc"]:
        is_key = isinstance(value, dict) and step in value
        if is_key or (isinstance(value, list) and isinstance(step, int)):
            value = value[step]
            yield step
        elif error["type"] == "missing" and step == error["loc"][-1]:
            yield step


def fields_at(model: Any, location: Iterable[str | int]) -> list[str]:
    """Returns the fields of the nested model at a location in this model."""
    for step in location:
        field = model.model_fields.get("root" if issubclass(model, RootModel) else step)
        if field is not None:  # otherwise the step names an alternative of a union
            model = next(models_in(field.annotation), model)
    return list(model.model_fields)


def models_in(annotation: Any) -> Iterator[Any]:
    """Yields the models that an annotation mentions, such as those of `list[X] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)
