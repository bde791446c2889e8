"""A file of `torch.export.save` as a frozen network. It may have more than the trainer can prove."""

from __future__ import annotations
