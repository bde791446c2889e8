"""A message that leaves FLARE's server before it knows its key spoils no later one."""

from __future__ import annotations

import logging
from types import SimpleNamespace

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.fl_context import FLContext
from nvflare.fuel.f3.message import Message
from nvflare.private.defs import CellMessageHeaderKeys
from nvflare.private.fed.server.fed_server import FederatedServer

from proofward.engines.flare.signature import FreshSignature


def test_the_server_signs_anew_when_it_has_started():
    server = SimpleNamespace(
        my_own_token_signature=None, my_own_auth_client_name="server", my_own_token="token",
        sign_auth_token=lambda name, token: "NA", logger=logging.getLogger("test"),
    )  # fmt: skip

    def signature() -> str:
        message = Message()
        FederatedServer._add_auth_headers(server, message)
        return message.get_header(CellMessageHeaderKeys.TOKEN_SIGNATURE)

    context = FLContext()
    context.set_prop(FLContextKey.SITE_OBJ, server, private=True, sticky=True)
    assert signature() == "NA"
    server.sign_auth_token = lambda name, token: f"{name}, {token}, signed"
    assert signature() == "NA"
    for event, found in ((EventType.SYSTEM_BOOTSTRAP, "NA"), (EventType.SYSTEM_START, "server, token, signed")):
        FreshSignature().handle_event(event, context)
        assert signature() == found
