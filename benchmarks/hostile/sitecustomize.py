"""Put on PYTHONPATH by `hostile_site.py`: the site PROOFWARD_HOSTILE misbehaves instead of taking part.

It has its certificate, its protocol key and FLARE's trust, and uses them. The file PROOFWARD_FINDINGS gets a
line of JSON for every attack: its name and what the host answered.
"""

from __future__ import annotations

import os

if os.environ.get("PROOFWARD_HOSTILE"):
    import importlib.abc
    import importlib.machinery
    import sys
    from types import ModuleType

    class _Patch(importlib.abc.MetaPathFinder):
        """Replaces what a site does, once its module has been imported."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            if name != "proofward.engines.remote.site":
                return None
            sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(name, path)  # type: ignore[arg-type]
            assert spec is not None and spec.loader is not None
            execute = spec.loader.exec_module

            def patched(module: ModuleType) -> None:
                execute(module)
                from hostile.attack import misbehave

                module.Site.run = misbehave  # type: ignore[attr-defined]

            spec.loader.exec_module = patched  # type: ignore[method-assign]
            return spec

    sys.meta_path.insert(0, _Patch())
