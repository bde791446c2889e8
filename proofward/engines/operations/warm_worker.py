"""What a process of the verification pool needs, kernels included, loaded when this is imported.

The processes are copies of one that has imported it: each would otherwise take a second and a half to begin.
"""

from proofward.engines.operations import verification_worker
from proofward.field.warm_up import warm_up

__all__ = ["verification_worker"]

warm_up()
