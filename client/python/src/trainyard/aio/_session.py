"""Carries out steps in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import grpc

from trainyard._channel import Target, open_channel
from trainyard._retry import Retry
from trainyard._session import CALL_SECONDS, CONNECT_PATIENCE, PATIENCE, Session
from trainyard._steps import Call, Plan, Send, Sleep, Step, Stubs
from trainyard._watching import Cursor
from trainyard.errors import TrainyardError, from_rpc

T = TypeVar("T")


class AsyncSession:
    """As Session, for the event loop that it was made in."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._channel = open_channel(target, asynchronous=True)
        self._stubs = Stubs(self._channel)
        self._patience = CONNECT_PATIENCE

    async def close(self) -> None:
        await self._channel.close()

    async def run(self, plan: Plan[T]) -> T:
        """Carries out a plan, and returns what it returns."""
        try:
            step = next(plan)
            while True:
                try:
                    answer = await self._do(step)
                except TrainyardError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as end:
            return end.value

    async def follow(self, cursor: Cursor) -> AsyncIterator[Any]:
        """What a watch receives, across broken connections."""
        retry = Retry(self._patience)
        while True:
            call = self._stubs.method(cursor.method)(
                cursor.request(), metadata=self.target.metadata
            )
            try:
                async for message in call:
                    retry.worked()
                    for item in cursor.take(message):
                        yield item
                return
            except grpc.RpcError as broken:
                error = from_rpc(broken)
                if not cursor.recover(error):
                    await asyncio.sleep(retry.delay_after(error))
            finally:
                call.cancel()

    async def _do(self, step: Step) -> Any:
        if isinstance(step, Sleep):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Call):
            return await self._call(step)
        if isinstance(step, Send):
            return await self._send(step)
        try:
            call = self._stubs.method(step.method)(step.request, metadata=self.target.metadata)
            return [message async for message in call]
        except grpc.RpcError as broken:
            raise from_rpc(broken) from None

    async def _send(self, step: Send) -> Any:
        """In a thread: grpc.aio loses the status of a stream that ends while it is written.
        Whoever is cancelled meanwhile ends the stream with its channel."""
        blocking = Session(self.target)
        try:
            return await asyncio.to_thread(blocking.do, step)
        finally:
            blocking.close()

    async def _call(self, step: Call) -> Any:
        retry = Retry(self._patience)
        while True:
            try:
                answer = await self._stubs.method(step.method)(
                    step.request, timeout=CALL_SECONDS, metadata=self.target.metadata
                )
            except grpc.RpcError as broken:
                await asyncio.sleep(retry.delay_after(from_rpc(broken)))
            else:
                self._patience = PATIENCE
                return answer
