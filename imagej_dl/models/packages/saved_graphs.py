"""The graph of a TensorFlow SavedModel, cut down to what a prediction computes, and checked.

A SavedModel is a program: its operations may read and write any file, or call Python. Of its graph
only that part is kept which makes the output of one signature, and that which restores the
variables. Each may hold nothing but the operations that are listed here, in its functions, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.models.packages.archive import escapes

SERVE, SIGNATURE = "serve", "serving_default"
_OWN = "__saved_model_"
"""Start of the names of signatures that are run when a SavedModel is loaded."""


def _named(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PLUMBING = _named(
    "Const Identity IdentityN NoOp PartitionedCall Placeholder PlaceholderWithDefault "
    "StatefulPartitionedCall VarHandleOp Variable VariableV2"
)
RESTORING = _PLUMBING | _named("Assign AssignVariableOp RestoreV2")
"""Operations that give variables their values."""
COMPUTING = _PLUMBING | _named(
    """
    Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool AvgPool3D BatchMatMul BatchMatMulV2
    BatchMatMulV3 BatchToSpaceND BiasAdd BiasAddV1 BroadcastArgs BroadcastTo Cast Ceil ClipByValue
    Concat ConcatV2 Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cumsum DepthToSpace
    DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput Div DivNoNan Einsum Elu Equal Erf Erfc
    Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual If L2Loss LRN LeakyRelu Less
    LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool MaxPool3D
    MaxPoolV2 Maximum Mean Merge Min Minimum MirrorPad Mod Mul Neg NotEqual OnesLike Pack Pad PadV2
    Pow PreventGradient Prod RandomUniform Range Rank ReadVariableOp RealDiv Reciprocal Relu Relu6
    Reshape ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2 Rint Round Rsqrt Select
    SelectV2 Selu Shape ShapeN Sigmoid Sign Size Slice Softmax Softplus Softsign SpaceToBatchND
    SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatelessIf StopGradient
    StridedSlice Sub Sum Switch Tanh Tile Transpose Unpack ZerosLike
    """
)
"""Operations that compute numbers of numbers, and do nothing else. Loops are not among them."""
_RUNTIME = ("config", "config_proto", "executor_type")
"""Attributes of calls that set up the runtime."""
_STRING = 7  # DT_STRING


class Refused(ValueError):
    """A graph that is not run, with the reason."""


@dataclass(frozen=True)
class Saved:
    """The part of a SavedModel that a prediction needs.

    graph : a GraphDef of the parts that are run alone.
    input, output : names of tensors.
    dtype : of the input, its number in TensorFlow.
    restore, prefix : the operation that restores the variables, and the tensor that takes the path
        of their files; "" where there are no variables.
    """

    graph: Any
    input: str
    output: str
    dtype: int
    restore: str = ""
    prefix: str = ""


def saved(data: bytes, source: str, target: str) -> Saved:
    """Return the checked part of a `saved_model.pb`.

    Parameters
    ----------
    source, target : ids of the input and output tensor, for signatures with several.

    Raises
    ------
    Refused : for a graph that is damaged, or asks for operations that are not listed.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(data)
    except Exception as error:  # one of protobuf's, which TensorFlow brings
        raise Refused("its TensorFlow graph is damaged") from error
    metas = [one for one in model.meta_graphs if SERVE in one.meta_info_def.tags]
    if not metas:
        raise Refused(f"its TensorFlow graph has no part for predictions (tag {SERVE})")
    meta = metas[0]
    signature = _signature(meta)
    given = _only(signature.inputs, source, "inputs")
    made = _only(signature.outputs, target, "outputs")
    nodes = {node.name: node for node in meta.graph_def.node}
    functions = {one.signature.name: one for one in meta.graph_def.library.function}
    parts = [_Part(nodes, functions, _node(made.name), COMPUTING)]
    restore, prefix = meta.saver_def.restore_op_name, meta.saver_def.filename_tensor_name
    if restore:
        parts.append(_Part(nodes, functions, _node(restore), RESTORING))
        parts[1].check_texts()
        _there(nodes, _node(prefix))
    names = {_node(given.name)}.union(*(part.nodes for part in parts))
    called = set[str]().union(*(part.functions for part in parts))
    graph = type(meta.graph_def)()
    graph.versions.CopyFrom(meta.graph_def.versions)
    graph.node.extend(_there(nodes, name) for name in sorted(names | {_node(prefix)} - {""}))
    graph.library.function.extend(functions[name] for name in sorted(called))
    _clear(graph.node)
    for function in graph.library.function:
        _clear(function.node_def)
    return Saved(graph, given.name, made.name, given.dtype, restore, prefix)


class _Part:
    """The nodes that one node needs, and the functions that they call; all of a list."""

    def __init__(
        self,
        nodes: Mapping[str, Any],
        functions: Mapping[str, Any],
        wanted: str,
        allowed: frozenset[str],
    ) -> None:
        self.nodes: dict[str, Any] = {}
        self.functions: dict[str, Any] = {}
        waiting = [wanted]
        while waiting:
            name = waiting.pop()
            if name not in self.nodes:
                self.nodes[name] = _there(nodes, name)
                waiting += [_node(one) for one in self.nodes[name].input]
        calls = [one for node in self.nodes.values() for one in _calls(node)]
        while calls:
            name = calls.pop()
            if name not in self.functions:
                self.functions[name] = _there(functions, name)
                for node in self.functions[name].node_def:
                    calls += _calls(node)
        for node in self._every():
            if node.op not in allowed:
                raise Refused(
                    f"its TensorFlow graph holds the operation {node.op[:60]}, which imagej-dl "
                    "does not run"
                )

    def _every(self) -> Iterator[Any]:
        yield from self.nodes.values()
        for function in self.functions.values():
            yield from function.node_def

    def check_texts(self) -> None:
        """Raise Refused for constants that name files elsewhere, or addresses."""
        for node in self._every():
            if node.op != "Const" or node.attr["dtype"].type != _STRING:
                continue
            tensor = node.attr["value"].tensor
            if tensor.tensor_content:  # texts packed in a way that TensorFlow does not write
                raise Refused("its TensorFlow graph is damaged: a text is packed")
            for text in tensor.string_val:
                words = text.decode("utf-8", "replace")
                if words and (escapes(words) or "://" in words):
                    raise Refused(f"its TensorFlow graph reads a file elsewhere ({words[:80]})")


def _signature(meta: Any) -> Any:
    """Return the signature for predictions: the usual one, or the only one."""
    names = [name for name in meta.signature_def if not name.startswith(_OWN)]
    if SIGNATURE in names:
        return meta.signature_def[SIGNATURE]
    if len(names) != 1:
        raise Refused(f"its TensorFlow graph has {len(names)} signatures, none {SIGNATURE}")
    return meta.signature_def[names[0]]


def _only(tensors: Mapping[str, Any], wanted: str, words: str) -> Any:
    """Return the tensor of a name, or the only one."""
    if wanted in tensors:
        return tensors[wanted]
    if len(tensors) != 1:
        raise Refused(
            f"its TensorFlow graph has the {words} {', '.join(sorted(tensors))[:200]}, none "
            f"{wanted}"
        )
    return next(iter(tensors.values()))


def _node(name: str) -> str:
    """Return the node of a tensor or of a control input."""
    return name.removeprefix("^").split(":")[0]


def _there(named: Mapping[str, Any], name: str) -> Any:
    if name not in named:
        raise Refused(f"its TensorFlow graph is damaged: it lacks {name[:80]}")
    return named[name]


def _calls(node: Any) -> list[str]:
    """Return the functions that a node names."""
    found: list[str] = []
    for value in node.attr.values():
        found += [value.func.name] if value.func.name else []
        found += [one.name for one in value.list.func]
    return found


def _clear(nodes: Any) -> None:
    """Leave to this machine where and how nodes are run."""
    for node in nodes:
        node.device = ""
        for name in _RUNTIME:
            if name in node.attr:
                node.attr[name].s = b""


def refusal(problem: str) -> UserError:
    """Return the error for a SavedModel that is not run."""
    return UserError(
        problem,
        remedy="Convert it where you trust it: unzip its weights, then python -m tf2onnx.convert "
        "--saved-model FOLDER --opset 17 --output weights.onnx, and name that file under weights: "
        "onnx in its rdf.yaml.",
    )
