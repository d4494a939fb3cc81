"""Checks queries against a schema before they are sent. The only file that imports graphql-core."""

from __future__ import annotations

from typing import Any

from host.errors import ConfigError, InvalidCall

try:
    from graphql import (
        DocumentNode,
        GraphQLError,
        GraphQLSchema,
        OperationDefinitionNode,
        build_client_schema,
        build_schema,
        get_introspection_query,
        parse,
        validate,
        validate_schema,
    )
    from graphql.execution.values import get_variable_values
except ImportError as error:
    raise ConfigError(
        "checking queries against a schema needs graphql-core", hint="pip install 'luahost[graphql]'"
    ) from error

__all__ = ["INTROSPECTION", "SchemaCheck"]

KEPT = 256  # checked documents in memory
MOST_TOKENS = 50_000
SHOWN = 3  # errors in one message


def INTROSPECTION() -> str:  # noqa: N802 - the query, made when needed
    """The query that returns a server's schema."""
    return get_introspection_query(descriptions=False)


class SchemaCheck:
    """A schema, and the documents that were found valid. Thread-safe."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._good: dict[str, DocumentNode] = {}

    @classmethod
    def of_sdl(cls, text: str, path: str) -> SchemaCheck:
        """From the text of an SDL file. Raises ``InvalidCall`` if it is not a schema."""
        try:
            return cls(_sound(build_schema(text)))
        except (GraphQLError, TypeError) as error:
            raise InvalidCall(f"the schema {path} cannot be read: {_first(error)}") from None

    @classmethod
    def of_introspection(cls, data: Any, url: str) -> SchemaCheck:
        """From the answer to an introspection query. Raises ``InvalidCall`` if it does not have a schema."""
        try:
            return cls(_sound(build_client_schema(data)))
        except (GraphQLError, TypeError, AttributeError, KeyError) as error:
            raise InvalidCall(f"{url} did not return its schema: {_first(error)}") from None

    def check(self, query: str, variables: dict[str, Any], operation: str | None) -> None:
        """Raise ``InvalidCall`` for an invalid query or variables, with the line and the nearest valid names."""
        document = self._good.get(query)
        if document is None:
            try:
                document = parse(query, max_tokens=MOST_TOKENS)
                faults = validate(self._schema, document)
            except GraphQLError as error:
                faults = [error]
            except RecursionError:
                raise InvalidCall("the query is nested too deeply") from None
            if faults:
                raise _refused(faults)
            assert document is not None
            if len(self._good) >= KEPT:
                self._good.clear()
            self._good[query] = document
        self._check_variables(document, variables, operation)

    def _check_variables(self, document: DocumentNode, variables: dict[str, Any], name: str | None) -> None:
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if name is not None:
            chosen = [node for node in operations if node.name is not None and node.name.value == name]
            if not chosen:
                raise InvalidCall(f"the query has no operation {name!r}")
            operations = chosen
        if len(operations) != 1:
            raise InvalidCall("the query has several operations; choose one with the option operation")
        definitions = operations[0].variable_definitions or ()
        declared = {node.variable.name.value for node in definitions}
        unknown = sorted(set(variables) - declared)
        if unknown:
            raise InvalidCall(f"the query declares no variable ${unknown[0]}")
        found = get_variable_values(self._schema, definitions, variables, max_errors=SHOWN)
        if isinstance(found, list):
            raise _refused(found)


def _sound(schema: GraphQLSchema) -> GraphQLSchema:
    """Return ``schema`` if it is valid, else raise ``GraphQLError``."""
    faults = validate_schema(schema)
    if faults:
        raise faults[0]
    return schema


def _refused(faults: list[GraphQLError]) -> InvalidCall:
    texts = []
    for fault in faults[:SHOWN]:
        at = f" (line {fault.locations[0].line} of the query)" if fault.locations else ""
        texts.append(f"{fault.message.rstrip('.')}{at}")
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return InvalidCall(f"the query does not match the schema: {'; '.join(texts)}{more}")


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
