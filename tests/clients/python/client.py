"""Queries and mutations over HTTP, subscriptions over a WebSocket, with https://github.com/graphql-python/gql."""

import asyncio
import os

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

URL = os.environ["CHATGRAPH_URL"]
AUTHORIZATION = {"Authorization": "Bearer " + os.environ["CHATGRAPH_KEY"]}

CHATS = gql("{ chats(first: 1, filter: {pinned: false}) { changeCursor nodes { jid name archived } } }")
UPDATE = gql("mutation ($input: UpdateChatInput!) { updateChat(input: $input) { chat { archived } } }")
CHANGES = gql("""
    subscription ($after: String) {
        chatChanges(after: $after) { change { cid origin changed chat { archived } } }
    }
""")


def asking(document, **values):
    document.variable_values = values
    return document


async def follow(http, protocol):
    chats = (await http.execute(CHATS))["chats"]
    chat = chats["nodes"][0]
    socket = WebsocketsTransport(
        url=URL.replace("http", "ws", 1), init_payload=AUTHORIZATION, subprotocols=[protocol]
    )
    # The schema is fetched first, and the operations are validated against it.
    async with Client(transport=socket, fetch_schema_from_transport=True) as session:
        changes = session.subscribe(asking(CHANGES, after=chats["changeCursor"]))
        await anext(changes)  # the cursor at which it starts
        wanted = not chat["archived"]
        await http.execute(asking(UPDATE, input={"cid": chat["jid"], "archived": wanted}))
        async for event in changes:
            change = event["chatChanges"]["change"]
            if change and change["cid"] == chat["jid"] and "ARCHIVED" in change["changed"]:
                print(f"{protocol}: {chat['name']} changed by {change['origin']} to {change['chat']}")
                assert change["chat"]["archived"] == wanted
                break
        await changes.aclose()


async def main():
    transport = HTTPXAsyncTransport(url=URL, headers=AUTHORIZATION)
    async with Client(transport=transport, fetch_schema_from_transport=True) as http:
        for protocol in ["graphql-transport-ws", "graphql-ws"]:
            await follow(http, protocol)
        try:
            await http.execute(asking(UPDATE, input={"cid": "15550199@s.whatsapp.net", "archived": True}))
        except TransportQueryError as refused:
            print("refused:", refused.errors[0]["extensions"]["code"])
            assert refused.errors[0]["extensions"]["code"] == "not_found"
        else:
            raise AssertionError("a chat that does not exist was changed")


asyncio.run(main())
