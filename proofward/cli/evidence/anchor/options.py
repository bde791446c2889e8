"""Options of the commands that speak to a chain."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.chain.nodes.fees import GWEI, USUAL_MOST
from proofward.cli.common.addresses import WebAddress

NODE = WebAddress(whole=True)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def cost_in_words(gas: int, most: float) -> str:
    """What a transaction takes at most. most: gwei for a unit of gas."""
    return f"{gas:,} gas, at most {gas * most / GWEI:.3g} of the chain's coin"


RPC = click.option("--rpc", required=True, type=NODE, metavar="URL",
                   help="A node of the chain, over JSON-RPC.")  # fmt: skip
KEY = click.option("--key", required=True, type=FILE, metavar="FILE",
                   help="Key of the account that pays, in hexadecimal digits.")  # fmt: skip
MAX_FEE = click.option("--max-fee", "most", type=click.FloatRange(0, min_open=True), metavar="GWEI",
                       default=USUAL_MOST, show_default=True,
                       help="Most that is paid for a unit of gas, whatever the node names.")  # fmt: skip
DEV = click.option("--dev-chain", "dev", is_flag=True,
                   help="The latest block counts, final or not: for chains that finalise none.")  # fmt: skip
PROOF_OUT = click.option("--proof", "out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                         help="Write what the chain then holds, with its proof, for audits.")  # fmt: skip
