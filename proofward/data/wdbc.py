"""Wisconsin diagnostic breast cancer data: 569 records, 30 features; label 1 is malignant.

The records come with scikit-learn, an optional dependency. The normalisation is public and fixed here, so
that no hospital's statistics leak and every party computes the same integers.
"""

from __future__ import annotations

import numpy as np

from proofward.data.reading.records import Records, to_fixed_point
from proofward.layers.rules.model import FixedPoint

#: (feature, centre, spread): a feature x becomes (x - centre) / spread.
NORMALISATION: tuple[tuple[str, float, float], ...] = (
    ("mean radius", 14.1, 3.52),
    ("mean texture", 19.3, 4.3),
    ("mean perimeter", 92.0, 24.3),
    ("mean area", 655.0, 352.0),
    ("mean smoothness", 0.0964, 0.0141),
    ("mean compactness", 0.104, 0.0528),
    ("mean concavity", 0.0888, 0.0796),
    ("mean concave points", 0.0489, 0.0388),
    ("mean symmetry", 0.181, 0.0274),
    ("mean fractal dimension", 0.0628, 0.00705),
    ("radius error", 0.405, 0.277),
    ("texture error", 1.22, 0.551),
    ("perimeter error", 2.87, 2.02),
    ("area error", 40.3, 45.5),
    ("smoothness error", 0.00704, 0.003),
    ("compactness error", 0.0255, 0.0179),
    ("concavity error", 0.0319, 0.0302),
    ("concave points error", 0.0118, 0.00616),
    ("symmetry error", 0.0205, 0.00826),
    ("fractal dimension error", 0.00379, 0.00264),
    ("worst radius", 16.3, 4.83),
    ("worst texture", 25.7, 6.14),
    ("worst perimeter", 107.0, 33.6),
    ("worst area", 881.0, 569.0),
    ("worst smoothness", 0.132, 0.0228),
    ("worst compactness", 0.254, 0.157),
    ("worst concavity", 0.272, 0.208),
    ("worst concave points", 0.115, 0.0657),
    ("worst symmetry", 0.29, 0.0618),
    ("worst fractal dimension", 0.0839, 0.018),
)


class DataUnavailable(Exception):
    """The data set's optional dependency is not installed."""


def load_wdbc(scales: FixedPoint) -> Records:
    """All 569 records: features int64 (569, 30) at scale fa, clipped to the input range; labels (569,)."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        words = "the demo's data comes with scikit-learn: pip install --constraint constraints.txt '.[demo]'"
        raise DataUnavailable(words) from error
    bunch = load_breast_cancer()
    centre = np.array([entry[1] for entry in NORMALISATION])
    spread = np.array([entry[2] for entry in NORMALISATION])
    features = to_fixed_point((bunch.data - centre) / spread, scales)
    labels = (bunch.target == 0).astype(np.int64)  # the source's class 0 is malignant
    return Records(features, labels)
