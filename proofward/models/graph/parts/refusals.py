"""What is not imported: every kind of layer by name, with what to use instead, and all problems at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from proofward.layers.basics.errors import ConfigurationError

NOT_YET = "not proved by this version yet: Linear and Conv2d with ReLU, 2 x 2 pools and shortcuts between are"
SCALE = f"{NOT_YET}; numbers that scale the records belong to the consortium, as centre and spread"
POOL = (
    "only MaxPool2d(2) beside the ReLU of a convolution, and AvgPool2d of square windows side by side or the "
    "mean of a whole picture behind it, are proved of all pools: use one of them, or use a convolution with "
    "stride 2"
)
ADD = (
    "only shortcuts are proved: values behind a ReLU, or the record, as they are or through one layer, added "
    "to the sums of a later layer, one to each, with ReLU behind: relu(conv2(relu(conv1(x))) + x)"
)
CONCAT = (
    "only the row of a table, an input of its own as it is, is concatenated, in front of a Linear layer with "
    "ReLU behind, into which nothing else joins: relu(linear(torch.cat([flatten(h), row], 1)))"
)
SECOND = (
    "records are proved as one tensor, or as one and a second of rows of a table, (batch, features), joined "
    "by torch.cat: join others beforehand"
)
SHAPES = "put a 1x1 convolution between, with a stride where sizes differ, so that shapes are the same"
AVERAGE = "not proved: use AdaptiveAvgPool2d(1), the mean of a whole picture, or flatten it"
CONV = "use Conv2d on pictures (channels, height, width), the only convolution that is proved"
PAD = "not proved: use the convolution's own zero padding, the same on all sides"
RELU = "use ReLU, the only activation that is proved"
LOGITS = "leave it out: the last layer gives logits, and training applies softmax by itself"
CONTROL = "data-dependent control flow is not proved: the same layers have to run for every record"
DROP = "remove it (p = 0): training is proved without random masks"
NORM = (
    "training BatchNorm is not proved: freeze it with module.eval(), and it is folded into the convolution "
    "or Linear before it"
)
BEHIND = (
    "BatchNorm is taken only directly behind a convolution or Linear of as many channels, into which it is "
    "folded: move it there, or scale the features beforehand"
)
ONE_OUTPUT = "one output: use two outputs, a logit for each class, and no sigmoid"
_GROUPS = {
    CONV: (
        "conv conv1d conv3d convolution convtranspose convtranspose1d convtranspose2d convtranspose3d "
        "convinteger"
    ),
    POOL: (
        "maxpool maxpool1d maxpool2d maxpool3d maxpool2dwithindices averagepool avgpool1d avgpool2d avgpool3d"
    ),
    AVERAGE: "adaptiveavgpool1d adaptiveavgpool2d adaptivemaxpool2d globalaveragepool globalmaxpool",
    PAD: "pad constantpadnd reflectionpad2d replicationpad2d",
    SCALE: "sub mul div",
    NOT_YET: (
        "add sum mean reducemean reducesum embedding lstm gru rnn rnntanh rnnrelu "
        "scaleddotproductattention attention bmm matmul mm einsum split slice gather"
    ),
    RELU: "gelu silu sigmoid tanh leakyrelu elu selu celu prelu relu6 hardtanh hardswish hardsigmoid mish "
    "softplus softsign logsigmoid swish thresholdedrelu clamp clip erf",
    LOGITS: "softmax logsoftmax argmax topk crossentropyloss nllloss",
    DROP: "dropout dropout1d dropout2d dropout3d alphadropout featuredropout featurealphadropout",
    NORM: "batchnorm batchnormalization nativebatchnorm cudnnbatchnorm",
    "layers that normalise are not proved: scale the features beforehand": (
        "layernorm layernormalization nativelayernorm groupnorm instancenorm instancenormalization "
        "groupnormalization lpnormalization"
    ),
    "use the same float32 or float64 throughout": (
        "cast to tocopy quantizelinear dequantizelinear quantizepertensor fakequantizepertensoraffine "
        "qlinearmatmul matmulinteger dynamicquantizelinear"
    ),
    CONTROL: "if loop scan cond whileloop mapimpl where nonzero item",
}
INSTEAD = {name: remedy for remedy, names in _GROUPS.items() for name in names.split()}


MOST_SIGNS = 2000


class ImportRefused(ValueError):
    """A network that is not taken in: everything that is wrong with it, each in a line, with what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(dict.fromkeys(map(_line, problems)))
        super().__init__("; ".join(self.problems))


def _line(words: str) -> str:
    """Without what a terminal acts on, and not endless: places have the names that a file gives them."""
    shown = words if len(words) <= MOST_SIGNS else f"{words[:MOST_SIGNS]}..."
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in shown)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Whatever a library, or a reader, raises for what is in a file becomes a refusal of the file.

    Files come from outside, and onnx, onnxruntime and torch document no types for what they raise.
    """
    try:
        yield
    except (ImportRefused, ConfigurationError, MemoryError):
        raise
    except Exception as error:
        words = f"no network that can be read: {type(error).__name__}: {first_line(error)}"
        raise ImportRefused([f"{path}: {words.rstrip(': ')}"]) from error


def first_line(error: BaseException) -> str:
    """Of what an error says, at most 200 characters."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:200]


def plain_name(operator: str) -> str:
    """The bare name of an operator: aten.leaky_relu_.default and LeakyRelu become leakyrelu."""
    name = operator.removeprefix("torch.ops.").removeprefix("aten.").split(".")[0]
    return name.replace("_", "").lower()


def unsupported(operator: str, where: str, details: str = "") -> str:
    """The refusal of an operator that no layer of the trainer stands for."""
    remedy = INSTEAD.get(plain_name(operator), NOT_YET)
    return f"{where}: {operator}{f' ({details})' if details else ''}: {remedy}"


def require_package(package: str) -> None:
    """Raises ImportRefused where a package is not installed that only imports and exports need."""
    if find_spec(package) is None:
        raise ImportRefused([f"{package} is not installed: pip install 'proofward[{package}]'"])
