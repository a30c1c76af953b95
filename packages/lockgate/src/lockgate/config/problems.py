"""What the shape of a file refuses, as problems in our own words with line and remedy, and the file without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lockgate.config.names import suggestion
from lockgate.config.yaml_positions import Document, KeyPath, Plain
from lockgate.errors import Problem

S = TypeVar("S", bound=BaseModel)
Wording = Callable[[ErrorDetails, type[BaseModel] | None], tuple[str, str]]

_MAPPING = ("must be a mapping of keys to values", "Write `key: value` lines below it, or {} for none.")
_MUST_BE: Mapping[str, tuple[str, str]] = {
    "string_type": ("must be text", "Quote the value."),
    "string_too_short": ("must not be empty", "Write a value, or leave the key away."),
    "bool_type": ("must be true or false", "Write true or false, without quotes."),
    "int_type": ("must be a whole number", "Write digits, without quotes."),
    "int_from_float": ("must be a whole number", "Write digits, without quotes."),
    "list_type": ("must be a list", "Write it in brackets: [a, b]."),
    "too_short": ("must not be empty", "State at least one."),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}


def fitted(
    shape: type[S], document: Document, *, stand_ins: Mapping[str, Plain] = MappingProxyType({})
) -> tuple[S | None, tuple[Problem, ...]]:
    """The document in its shape, and every problem with it.

    What the shape refuses is taken out, and `stand_ins` fill up keys at the top, so that the rest can be looked at
    further; None where nothing is left.
    """
    data, problems = document.data, None
    while True:
        try:
            fit = shape.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
            if problems is None:
                problems = tuple(_problem(shape, document, detail) for detail in details)
            paths = [path for detail in details if (path := _refused(detail, data))]
            data = _without(data, paths) if paths else data
            lacking = {key: value for key, value in stand_ins.items() if isinstance(data, dict) and key not in data}
            if not paths and not lacking:
                return None, problems
            data = {**lacking, **data} if isinstance(data, dict) else data
        else:
            return fit, problems or ()


def _problem(shape: type[BaseModel], document: Document, detail: ErrorDetails) -> Problem:
    """What was refused, where, and what to do."""
    path = _refused(detail, document.data)
    path = (*path, detail["loc"][-1]) if detail["type"] == "missing" else path
    message, remedy = _words(detail, _model_at(shape, detail["loc"][:-1]))
    return located(document, path, message, remedy)


def located(document: Document, path: KeyPath, message: str, remedy: str) -> Problem:
    """A problem whose message starts with the dotted path."""
    where = ".".join(str(part) if str(part).isprintable() else ascii(part) for part in path)
    return document.problem(path, f"{where}: {message}" if where else message, remedy)


def beside(found: Iterable[Problem], problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those `found` in a document, and the other `problems` of lines that none of them lies on."""
    known = tuple(found)
    lines = {(problem.file, problem.line) for problem in known}
    return in_order((*known, *(each for each in problems if (each.file, each.line) not in lines)))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in the order of the file; those of one file stand together."""
    once = dict.fromkeys(problems)
    files = list(dict.fromkeys(problem.file for problem in once))
    return tuple(sorted(once, key=lambda problem: (files.index(problem.file), problem.line)))


def _refused(detail: ErrorDetails, data: object) -> KeyPath:
    """The path of what was refused, in the data; of what lacks a key where one is missing.

    Pydantic's location also holds the chosen kind, a mark for keys, and the long form of what was written short.
    """
    path: KeyPath = ()
    inside: Any = data
    for part in (*detail["loc"], "kind") if detail["type"].startswith("union_tag") else detail["loc"]:
        written = part.capitalize() if isinstance(part, str) and _lacks(inside, part) else part
        if not _lacks(inside, written):
            path, inside = (*path, written), inside[written]
    return path


def _lacks(inside: object, part: str | int) -> bool:
    """Whether there is no such key or index; a key that may begin with a capital is told by its small form."""
    return part not in (inside if isinstance(inside, dict) else range(len(inside)) if isinstance(inside, list) else ())


def _without(data: Any, paths: Sequence[KeyPath]) -> Any:
    """A copy of plain data without the values at some paths."""
    heads = {path[0] for path in paths if len(path) == 1}
    below: dict[str | int, list[KeyPath]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    kept = {key: _without(value, below[key]) if key in below else value for key, value in entries if key not in heads}
    return kept if isinstance(data, dict) else list(kept.values())


def _words(detail: ErrorDetails, model: type[BaseModel] | None) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    kind, facts = detail["type"], detail.get("ctx", {})
    if kind == "lockgate":
        return str(facts["message"]), str(facts["remedy"])
    if kind in _MUST_BE:
        return _MUST_BE[kind]
    if kind in _WORDINGS:
        return _WORDINGS[kind](detail, model)
    return detail["msg"][:1].lower() + detail["msg"][1:], ""


def _extra(detail: ErrorDetails, model: type[BaseModel] | None) -> tuple[str, str]:
    """A key that the place does not know."""
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    return "unknown key", suggestion(str(detail["loc"][-1]), known, "keys here")


def _missing(_detail: ErrorDetails, model: type[BaseModel] | None) -> tuple[str, str]:
    """A key that must be there."""
    name = str(_detail["loc"][-1])
    field = (
        next((field for key, field in model.model_fields.items() if name in {key, field.alias}), None)
        if model
        else None
    )
    return "the key is missing", f"Add it. {field.description}" if field and field.description else "Add it."


def _choice(detail: ErrorDetails, _model: type[BaseModel] | None) -> tuple[str, str]:
    """A word that is none of those allowed."""
    facts = detail["ctx"]
    allowed = str(facts.get("expected") or facts["expected_tags"]).replace(" or ", ", ")
    wrong = str(facts.get("tag", detail["input"]))
    return f"there is no {wrong!r} here", suggestion(
        wrong, [word.strip("'") for word in allowed.split(", ")], "choices"
    )


def _kindless(_detail: ErrorDetails, _model: type[BaseModel] | None) -> tuple[str, str]:
    """An entry whose kind is not stated."""
    return "the key 'kind' is missing", "Say of which kind it is: `kind: postgres`."


def _bound(detail: ErrorDetails, _model: type[BaseModel] | None) -> tuple[str, str]:
    """A number out of bounds."""
    facts = detail["ctx"]
    return (
        f"must be at least {facts['ge']}" if "ge" in facts else f"must be at most {facts['le']}",
        "Change the number.",
    )


_WORDINGS: Mapping[str, Wording] = {
    "extra_forbidden": _extra,
    "missing": _missing,
    "literal_error": _choice,
    "union_tag_invalid": _choice,
    "union_tag_not_found": _kindless,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
}


def _model_at(shape: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that describes a place, following pydantic's location from the top; None where there is none."""
    here: Any = shape
    for part in location:
        here = _inside(_bare(here), part)
    bare = _bare(here)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """An annotation without its validators and without `None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    options = [option for option in get_args(annotation) if option is not type(None)]
    return _bare(options[0]) if len(options) == 1 and get_origin(annotation) is not list else annotation


def _inside(annotation: Any, part: str | int) -> Any:
    """What stands at `part` of a model, mapping, list or choice of kinds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((field.annotation for name, field in fields if part in {name, field.alias}), None)
    arguments = get_args(annotation)
    if get_origin(annotation) in {dict, list}:
        return arguments[-1]
    return next((option for option in arguments if _kind_of(option) == part), None)


def _kind_of(option: Any) -> object:
    """The kind by which a choice is made."""
    return get_args(option.model_fields["kind"].annotation)[0] if hasattr(option, "model_fields") else None
