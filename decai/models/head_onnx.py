"""``head.onnx``: the integer head as an ONNX graph, written byte for byte from its numbers.

::

    embedding ─Cast f64─ Sub mean ─ MatMul projection ─ Mul 24 ─ Round ─ Clip ±127 ─ Cast i32 ─▶ features
    features ─ MatMul weights ─ Add 64·bias ─▶ logit (int32) ─▶ label = logit > 0
                                                     └─ Mul 2⁻¹⁸ ─ Sigmoid ─▶ probability (f32)

The writer fixes every byte (IR 8, opset 17, names, order, raw little-endian tensors, no optional field), so
the same weights and projection give the same file on every machine, and a bundle's head can be checked
against its manifest.

* Float32 parameters widened to float64 make each product exact (24 + 24 < 53 bits): only the order of the
additions
  differs between machines, by about 1e-15.
* The logit is int32: |Σ| ≤ 127 · D · 2¹⁵ + 2²¹ < 2³¹ for D ≤ 512 and any 16-bit head. A float32 is exact only
below 2²⁴.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decai.errors import InvalidBundle, TrainingError
from decai.models.onnx_files import initializers
from decai.models.protobuf import bytes_field, int_field
from decai.training.projection import FEATURE_MAX, FEATURE_SCALE, Projection
from decai.training.trainer import BIAS_INPUT, LOGIT_SCALE, head_array

__all__ = ["head_onnx", "projection_of"]

_IR_VERSION, _OPSET = 8, 17
# TensorProto.DataType
_F32, _I32, _BOOL, _F64 = 1, 6, 9, 11
_DTYPES = {_F32: "<f4", _I32: "<i4", _F64: "<f8"}
_ATTRIBUTE_INT = 2
# GraphProto's fields
_NODE, _GRAPH_NAME, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12


def head_onnx(projection: Projection, weights: npt.ArrayLike) -> bytes:
    """Write a head's ONNX file.

    Parameters
    ----------
    projection : Projection
        From E embedding values to D features.
    weights : array-like of int, shape (D + 1,)
        16-bit weights, then the bias, in units of 2⁻¹².

    Returns
    -------
    bytes
        Input: embedding f32 [N, E]. Outputs: features i32 [N, D], logit i32 [N, 1], probability f32 [N, 1]
        and label bool [N, 1].

    Raises
    ------
    TrainingError
        When the head's shape or range is wrong.
    """
    head = head_array(weights, projection.features)
    size, features = projection.matrix.shape
    graph = b"".join(
        [
            _node("Cast", ["embedding"], "wide", to=_F64),
            _node("Cast", ["mean"], "mean64", to=_F64),
            _node("Cast", ["projection"], "projection64", to=_F64),
            _node("Sub", ["wide", "mean64"], "centred"),
            _node("MatMul", ["centred", "projection64"], "projected"),
            _node("Mul", ["projected", "scale"], "scaled"),
            _node("Round", ["scaled"], "rounded"),
            _node("Clip", ["rounded", "low", "high"], "clipped"),
            _node("Cast", ["clipped"], "features", to=_I32),
            _node("MatMul", ["features", "weights"], "products"),
            _node("Add", ["products", "bias"], "logit"),
            _node("Cast", ["logit"], "logit32", to=_F32),
            _node("Mul", ["logit32", "unit"], "real"),
            _node("Sigmoid", ["real"], "probability"),
            _node("Greater", ["logit", "zero"], "label"),
            bytes_field(_GRAPH_NAME, "decai_head"),
            _tensor("mean", _F32, projection.mean),
            _tensor("projection", _F32, projection.matrix),
            _tensor("scale", _F64, FEATURE_SCALE),
            _tensor("low", _F64, -FEATURE_MAX),
            _tensor("high", _F64, FEATURE_MAX),
            _tensor("weights", _I32, head[:-1, None]),
            _tensor("bias", _I32, head[-1:] * BIAS_INPUT),
            _tensor("unit", _F32, 1 / LOGIT_SCALE),
            _tensor("zero", _I32, 0),
            _value(_INPUT, "embedding", _F32, "N", size),
            _value(_OUTPUT, "features", _I32, "N", features),
            _value(_OUTPUT, "logit", _I32, "N", 1),
            _value(_OUTPUT, "probability", _F32, "N", 1),
            _value(_OUTPUT, "label", _BOOL, "N", 1),
        ]
    )
    opset = bytes_field(1, "") + int_field(2, _OPSET)
    return int_field(1, _IR_VERSION) + bytes_field(2, "decai") + bytes_field(7, graph) + bytes_field(8, opset)


def projection_of(raw: bytes) -> Projection:
    """Read the projection out of a head's ONNX file.

    Parameters
    ----------
    raw : bytes
        As `head_onnx` writes it. Whether it did write it is for the caller to see, by writing it again.

    Raises
    ------
    InvalidBundle
        When the file has no such tensors.
    """
    tensors = initializers(raw, ("mean", "projection"))
    mean = np.frombuffer(tensors.get("mean", b""), "<f4")
    flat = np.frombuffer(tensors.get("projection", b""), "<f4")
    if not mean.size or flat.size % mean.size:
        raise InvalidBundle("head.onnx holds no projection.", hint="Write it with decai.models.head_onnx().")
    try:
        return Projection(flat.reshape(mean.size, -1), mean)
    except TrainingError as error:
        raise InvalidBundle(
            f"head.onnx holds no usable projection: {error.message}",
            hint="Write it with decai.models.head_onnx().",
        ) from error


def _node(operator: str, inputs: list[str], output: str, **integers: int) -> bytes:
    attributes = b"".join(
        bytes_field(5, bytes_field(1, name) + int_field(3, number) + int_field(20, _ATTRIBUTE_INT))
        for name, number in sorted(integers.items())
    )
    names = b"".join(bytes_field(1, name) for name in inputs) + bytes_field(2, output) + bytes_field(3, output)
    return bytes_field(_NODE, names + bytes_field(4, operator) + attributes)


def _tensor(name: str, kind: int, value: npt.ArrayLike) -> bytes:
    array = np.ascontiguousarray(np.asarray(value), dtype=_DTYPES[kind])
    shape = b"".join(int_field(1, n) for n in array.shape)  # a scalar becomes a vector of one
    data = int_field(2, kind) + bytes_field(8, name) + bytes_field(9, array.tobytes())
    return bytes_field(_INITIALIZER, shape + data)


def _value(field: int, name: str, kind: int, *dimensions: str | int) -> bytes:
    shape = b"".join(bytes_field(1, bytes_field(2, d) if isinstance(d, str) else int_field(1, d)) for d in dimensions)
    tensor_type = bytes_field(1, int_field(1, kind) + bytes_field(2, shape))
    return bytes_field(field, bytes_field(1, name) + bytes_field(2, tensor_type))
