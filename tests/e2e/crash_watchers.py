"""The clients of crash_harness.py that read streams, across all breaks."""

from __future__ import annotations

import random

import grpc

import crash_history as history
from crash_clients import AGAIN, STATE, Client, World
from harness import PATIENCE, Api, training_pb2


class Reader(Client):
    """One that has received events, and is to receive those after them."""

    def cannot_go_on(self, name: str, error: grpc.RpcError) -> None:
        self.world.note(
            what="refused", client=self.name, op="watch", name=name, request_id="",
            code=error.code().name, reason=error.details() or "",
        )  # fmt: skip


class Watcher(Reader):
    """Reads jobs to their end, one after another, across all breaks."""

    def __init__(self, world: World, number: int, seed: int) -> None:
        super().__init__(world, f"watcher{number}")
        self.random = random.Random(f"{seed}/watcher/{number}")
        self.watches: dict[str, history.Watch] = {}
        self.refused: set[str] = set()

    def run(self) -> None:
        while not self.world.stop.is_set():
            left = [
                name
                for name in self.world.names()
                if name not in self.refused
                and (name not in self.watches or not self.watches[name].complete)
            ]
            if not left:
                self.world.stop.wait(0.05)
                continue
            self.follow(self.random.choice(sorted(left)))

    def follow(self, name: str) -> None:
        watch = self.watches.setdefault(name, history.Watch(self.name, name))
        try:
            stream = self.connected().training.WatchTrainingJob(
                training_pb2.WatchTrainingJobRequest(
                    name=name, after_sequence=len(watch.events)
                ),
                # Then another one: a paused job's stream does not end.
                timeout=self.random.choice([0.5, 2, 8]) * PATIENCE,
            )
            for message in stream:
                if message.WhichOneof("kind") == "event":
                    watch.events.append(event_of(message.event))
            watch.complete = True
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:  # deleted, or not made yet
                watch.complete = any(
                    entry["what"] == "sent" and entry["op"] == "delete" and entry["name"] == name
                    for entry in list(self.world.entries)
                )
                self.world.stop.wait(0.05)
            elif error.code() not in AGAIN:
                self.cannot_go_on(name, error)
                self.refused.add(name)
            else:
                self.world.stop.wait(0.02)


class Board(Reader):
    """Reads the stream of all jobs."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "board")
        self.cursor = ""
        self.watches: dict[str, history.Watch] = {}

    def run(self) -> None:
        while not self.world.stop.is_set():
            try:
                for message in self.connected().watch_jobs(self.cursor):
                    self.take(message)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    return self.cannot_go_on("jobs", error)
                self.world.stop.wait(0.02)

    def take(self, message: training_pb2.WatchTrainingJobsResponse) -> None:
        self.cursor = message.cursor
        if message.WhichOneof("kind") == "event":
            name = message.event.job
            watch = self.watches.setdefault(name, history.Watch("board", name))
            watch.events.append(event_of(message.event.event))

    def catch_up(self, api: Api, last: dict[str, int]) -> None:
        """Reads on until it has each job's last event."""

        def behind() -> bool:
            return any(
                name not in self.watches or len(self.watches[name].events) < sequence
                for name, sequence in last.items()
            )

        if not behind():
            return
        stream = api.watch_jobs(self.cursor)
        try:
            for message in stream:
                self.take(message)
                if not behind():
                    break
        except grpc.RpcError as error:
            self.cannot_go_on("jobs", error)
        stream.cancel()


def event_of(event: training_pb2.TrainingEvent) -> history.Event:
    kind = event.WhichOneof("kind")
    value = {
        "state_change": lambda: STATE(event.state_change.state),
        "epoch": lambda: str(event.epoch.epoch),
        "warning": lambda: f"{event.warning.reason}: {event.warning.message}",
    }.get(kind, lambda: "")()
    return history.Event(
        event.sequence, kind, value, event.SerializeToString(deterministic=True), event.attempt,
        event.epoch.cost.hex() if kind == "epoch" else "",
    )  # fmt: skip
