"""The keys of [model] and [training] in a consortium's or a preset's file."""

from __future__ import annotations

from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.basics.plain import MILLION, MOST_CLASSES
from proofward.layers.heads.class_weights import LARGEST_CLASS_WEIGHT
from proofward.layers.rules.momentum import LARGEST_MOMENTUM
from proofward.models.keys import Flag, Integer, Key, Keys, Number, Several, Text
from proofward.models.rate_schedule import SCHEDULE

MOST_HIDDEN_LAYERS = 64
MOST_CLIP_BOUND, MOST_BATCH = 1 << 30, 1 << 16
MOST_EPOCHS, MOST_STEPS = 1 << 12, 1 << 20
CLIP_UNIT = 1 << 10
_POWERS = tuple(1 << bits for bits in range(MOST_BATCH.bit_length()))

MODEL = Keys((
    Key("hidden", Several(Integer(1, MAX_WIDTH), most=MOST_HIDDEN_LAYERS),
        "widths of the hidden layers; [] for logistic regression; or give layers"),
    Key("layers", Several(Text(least=1), most=MOST_HIDDEN_LAYERS),
        "from the data upwards, ReLU between them; the last, to the classes, is implied"),
), (("hidden", "layers"),))  # fmt: skip
TRAINING = Keys((
    Key("learning_rate", Number(above=0), "of a batch's mean gradient, a multiple of batch / 1024"),
    Key("schedule", SCHEDULE, "of the learning rate over the rounds, which begin with it"),
    Key("momentum", Number(0, high=LARGEST_MOMENTUM / MILLION),
        "of SGD within a round, which begins without any; 0 for none"),
    Key("batch", Integer(1, MOST_BATCH, _POWERS), "records of a step, a power of two"),
    Key("epochs", Integer(1, MOST_EPOCHS), "passes over a hospital's records in a round, or give steps"),
    Key("steps", Integer(1, MOST_STEPS), "of a round, the same for every hospital, or give epochs"),
    Key("clip_bound", Number(1 / CLIP_UNIT, high=MOST_CLIP_BOUND / CLIP_UNIT),
        "the L2 norm that an update may have, a multiple of 1 / 1024"),
    Key("class_weights", Several(Integer(1, LARGEST_CLASS_WEIGHT), most=MOST_CLASSES),
        "gradients of each class's records are multiplied by it, an integer up to 16"),
    Key("full_batch", Flag(),
        "true with [privacy] alone: a round is one step on all records of a hospital, at most a batch"),
), (("epochs", "steps"),))  # fmt: skip
