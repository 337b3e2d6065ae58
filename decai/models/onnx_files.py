"""What an ONNX file may hold before anything runs it.

Models come from strangers. ONNX Runtime would open other files a model names (external data), so a file that
names any is refused, as are sparse tensors, which have a history of out-of-bounds reads. Field numbers are
those of ``onnx.proto3`` (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>).
"""

from __future__ import annotations

from decai.errors import InvalidBundle
from decai.models.protobuf import MalformedProtobuf, fields

__all__ = ["check_onnx", "initializers"]

_MODEL_IR, _MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 1, 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 12, 15
_NODE_ATTRIBUTE = 5
_FUNCTION_NODE, _FUNCTION_ATTRIBUTE = 7, 11
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_NAME, _TENSOR_RAW, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 9, 13, 14
_MAX_DEPTH = 32


def check_onnx(raw: bytes, name: str) -> None:
    """Refuse what isn't a self-contained ONNX model.

    Parameters
    ----------
    raw : bytes
        The file.
    name : str
        What to call it in an error.

    Raises
    ------
    InvalidBundle
        When it isn't ONNX, keeps data outside itself, or holds sparse tensors.
    """
    ir = graph = None
    try:
        for field, value in fields(memoryview(raw)):
            if field == _MODEL_IR and isinstance(value, int):
                ir = value
            elif field == _MODEL_GRAPH and isinstance(value, memoryview):
                graph = value
                _check_graph(value, name, 0)
            elif field == _MODEL_FUNCTIONS and isinstance(value, memoryview):
                _check_nodes(value, name, 0, _FUNCTION_NODE, _FUNCTION_ATTRIBUTE)
            elif field == _MODEL_TRAINING:
                raise InvalidBundle(f"{name} holds a training graph.", hint="Export the model for inference.")
        has_output = graph is not None and any(field == _GRAPH_OUTPUT for field, _ in fields(graph))
    except MalformedProtobuf as error:
        raise InvalidBundle(f"{name} isn't an ONNX file: {error}.", hint="Export the model as ONNX.") from error
    if not ir or not has_output:
        raise InvalidBundle(
            f"{name} isn't an ONNX file: it has no graph with an output.", hint="Export the model as ONNX."
        )


def initializers(raw: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    """Read the raw data of a model's named tensors.

    Parameters
    ----------
    raw : bytes
        An ONNX file that `check_onnx` accepts.
    names : tuple of str

    Returns
    -------
    dict of str to bytes
        Little-endian values; a tensor that isn't there, or stored otherwise, is missing.
    """
    found: dict[str, bytes] = {}
    for field, graph in fields(memoryview(raw)):
        if field != _MODEL_GRAPH or not isinstance(graph, memoryview):
            continue
        for graph_field, tensor in fields(graph):
            if graph_field != _GRAPH_INITIALIZER or not isinstance(tensor, memoryview):
                continue
            parts = {f: bytes(v) for f, v in fields(tensor) if isinstance(v, memoryview)}
            name = parts.get(_TENSOR_NAME, b"").decode("utf-8", "replace")
            if name in names and _TENSOR_RAW in parts:
                found[name] = parts[_TENSOR_RAW]
    return found


def _check_graph(graph: memoryview, name: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InvalidBundle(f"{name} nests graphs too deeply.", hint="Export a simpler model.")
    for field, value in fields(graph):
        if field == _GRAPH_INITIALIZER:
            _check_tensor(value, name)
        elif field == _GRAPH_SPARSE:
            _refuse_sparse(name)
    _check_nodes(graph, name, depth, _GRAPH_NODE)


def _check_nodes(owner: memoryview, name: str, depth: int, node_field: int, default_field: int = -1) -> None:
    for field, value in fields(owner):
        if not isinstance(value, memoryview):
            continue
        if field == node_field:
            for node_field_, attribute in fields(value):
                if node_field_ == _NODE_ATTRIBUTE and isinstance(attribute, memoryview):
                    _check_attribute(attribute, name, depth)
        elif field == default_field:
            _check_attribute(value, name, depth)


def _check_attribute(attribute: memoryview, name: str, depth: int) -> None:
    for field, value in fields(attribute):
        if field in _ATTRIBUTE_TENSORS:
            _check_tensor(value, name)
        elif field in _ATTRIBUTE_SPARSE:
            _refuse_sparse(name)
        elif field in _ATTRIBUTE_GRAPHS and isinstance(value, memoryview):
            _check_graph(value, name, depth + 1)


def _check_tensor(tensor: int | memoryview, name: str) -> None:
    if not isinstance(tensor, memoryview):
        raise MalformedProtobuf("a tensor is a number")
    for field, value in fields(tensor):
        if field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and value != 0):
            raise InvalidBundle(
                f"{name} keeps tensors in other files (external data).",
                hint="Save it as one file: onnx.save(model, path, save_as_external_data=False).",
            )


def _refuse_sparse(name: str) -> None:
    raise InvalidBundle(f"{name} holds sparse tensors.", hint="Export it with dense tensors.")
