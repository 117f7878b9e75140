"""Fields whose choices come from a registry: checked, told and described in the schema as a Literal's are."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import GetPydanticSchema
from pydantic_core import core_schema


def one_of(keys: Iterable[str]) -> GetPydanticSchema:
    """For `Annotated[str, one_of(keys)]`: a text that is one of `keys`."""
    known = list(keys)
    return GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(known))
