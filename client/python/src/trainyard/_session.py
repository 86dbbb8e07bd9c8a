"""Carries out steps, and waits for each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TypeVar

import grpc

from trainyard._channel import Target, open_channel
from trainyard._retry import Retry
from trainyard._steps import Call, Plan, Receive, Send, Sleep, Step, Stubs
from trainyard._watching import Cursor
from trainyard.errors import TrainyardError, from_rpc

T = TypeVar("T")
CALL_SECONDS = 60.0
# For a server that has never answered, and for one that has.
CONNECT_PATIENCE = 3.0
PATIENCE = 30.0


class Session:
    """A channel with what every call over it has in common. Any thread may call."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._channel = open_channel(target)
        self._stubs = Stubs(self._channel)
        self._patience = CONNECT_PATIENCE

    def close(self) -> None:
        self._channel.close()

    def run(self, plan: Plan[T]) -> T:
        """Carries out a plan, and returns what it returns."""
        try:
            step = next(plan)
            while True:
                try:
                    answer = self.do(step)
                except TrainyardError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as end:
            return end.value

    def follow(self, cursor: Cursor) -> Iterator[Any]:
        """What a watch receives, across broken connections."""
        retry = Retry(self._patience)
        while True:
            call = self._stubs.method(cursor.method)(
                cursor.request(), metadata=self.target.metadata
            )
            try:
                for message in call:
                    retry.worked()
                    yield from cursor.take(message)
                return
            except grpc.RpcError as broken:
                error = from_rpc(broken)
                if not cursor.recover(error):
                    time.sleep(retry.delay_after(error))
            finally:
                call.cancel()

    def do(self, step: Step) -> Any:
        """Carries out one step; its answer, or TrainyardError."""
        if isinstance(step, Sleep):
            return time.sleep(step.seconds)
        if isinstance(step, Call):
            return self._call(step)
        method = self._stubs.method(step.method)
        argument = step.requests() if isinstance(step, Send) else step.request
        try:
            answer = method(argument, metadata=self.target.metadata)
            return list(answer) if isinstance(step, Receive) else answer
        except grpc.RpcError as broken:
            raise from_rpc(broken) from None

    def _call(self, step: Call) -> Any:
        retry = Retry(self._patience)
        while True:
            try:
                answer = self._stubs.method(step.method)(
                    step.request, timeout=CALL_SECONDS, metadata=self.target.metadata
                )
            except grpc.RpcError as broken:
                time.sleep(retry.delay_after(from_rpc(broken)))
            else:
                self._patience = PATIENCE
                return answer
