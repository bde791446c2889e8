"""Makes dp_accounting.json, what Google's accountant says at 50 points.

It does not install beside this project's pins, so it has an environment of its own:

    python3 -m venv DIR && DIR/bin/pip install dp-accounting==0.6.0
    DIR/bin/python tests/privacy/make_dp_accounting_table.py tests/privacy/dp_accounting.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

MULTIPLIERS = (1.5, 3.0, 6.0, 12.0, 40.0)
RELEASES = (1, 5, 20, 60, 400)
DELTAS = (1e-5, 1e-8)


def rows() -> list[dict[str, float]]:
    """Each point with epsilon by zCDP, from a fine grid of orders, and exactly of continuous Gaussian noise."""
    import dp_accounting
    import numpy as np
    from dp_accounting.pld import pld_privacy_accountant
    from dp_accounting.rdp import rdp_privacy_accountant

    found = []
    for multiplier in MULTIPLIERS:
        for releases in RELEASES:
            rho = releases / (2 * multiplier**2)
            by_orders = rdp_privacy_accountant.RdpAccountant(orders=1 + np.geomspace(1e-3, 1e5, 20000))
            by_orders.compose(dp_accounting.ZCDpEvent(rho))
            exact = pld_privacy_accountant.PLDAccountant()
            exact.compose(dp_accounting.GaussianDpEvent(multiplier / releases**0.5))
            for delta in DELTAS:
                point = {"multiplier": multiplier, "releases": releases, "delta": delta}
                zcdp, gaussian = by_orders.get_epsilon(delta), exact.get_epsilon(delta)
                found.append({**point, "zcdp": round(zcdp, 6), "gaussian": round(gaussian, 6)})
    return found


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(row) for row in rows())
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n")
