"""The asyncio client, which shares all but the waiting with the other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Server

import trainyard
from trainyard import EpochCompleted, aio


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 120 * PATIENCE))


@pytest.mark.parametrize("name", aio.__all__)
def test_it_has_the_same_methods_with_the_same_arguments(name: str) -> None:
    blocking, asynchronous = getattr(trainyard, name), getattr(aio, name)
    for method in (m for m in vars(blocking) if not m.startswith("_")):
        ours = getattr(asynchronous, method)
        if isinstance(vars(blocking)[method], property):  # asks the server
            assert inspect.iscoroutinefunction(ours)
            continue
        assert inspect.iscoroutinefunction(ours) or inspect.isasyncgenfunction(ours), method
        theirs = inspect.signature(getattr(blocking, method)).parameters
        assert inspect.signature(ours).parameters == theirs, method


def test_from_data_to_matrix(server: Server) -> None:
    async def main() -> None:
        async with aio.Client(server.target) as client:
            digits = await client.generate_dataset("aio-digits", "digits", rows=300, seed=3)
            features, labels = await digits.rows()
            copy = await client.create_dataset("aio-copy", features.astype(np.uint8), labels)
            assert copy.digest == digits.digest
            job = await client.train([784, 20, 10], copy, epochs=3, learning_rate=0.3)
            events = [event async for event in job.watch()]
            assert [event.sequence for event in events] == list(range(1, len(events) + 1))
            await job.wait()
            epochs = [event.cost for event in events if isinstance(event, EpochCompleted)]
            assert (await job.history()).cost.tolist() == epochs and len(epochs) == 3
            evaluation = await job.evaluate(digits)
            predicted = (await job.predict(features)).classes
            assert evaluation.accuracy == (predicted == labels).mean()
            assert list(await job.weights()) == ["W1", "b1", "W2", "b2"]
            assert len(await evaluation.misclassified()) == (predicted != labels).sum()
            assert await job.verify()
            fork = await (await job.fork(epochs=4)).wait()
            assert fork.epochs_completed == 4
            assert copy.id in [dataset.id for dataset in await client.datasets()]
            await job.delete()
            with pytest.raises(trainyard.NotFound):
                await client.job(job.id)

    run(main())


def test_many_jobs_at_once(server: Server) -> None:
    async def main() -> None:
        async with aio.Client(server.target) as client:
            await client.generate_dataset("aio-xor", "xor")
            net = await client.create_network("aio-gate", [2, 4, 1])
            jobs = await asyncio.gather(
                *(client.train(net, "aio-xor", epochs=n, learning_rate=0.1) for n in range(1, 9))
            )
            ended = await asyncio.gather(*(job.wait() for job in jobs))
            assert [job.epochs_completed for job in ended] == list(range(1, 9))

    run(main())


def test_errors_are_the_same(server: Server) -> None:
    async def main() -> None:
        async with aio.Client(server.target) as client:
            with pytest.raises(trainyard.NotFound, match=r"hint: see what there is: client\.jobs"):
                await client.job("none")
        async with aio.Client("127.0.0.1:1") as lonely:
            with pytest.raises(trainyard.Unavailable):
                await lonely.jobs()

    run(main())


def test_a_watch_goes_on_across_a_killed_server(server: Server) -> None:
    async def main() -> None:
        async with aio.Client(server.target) as client:
            await client.generate_dataset("aio-many", "digits", rows=1000, seed=2)
            job = await client.train([784, 200, 10], "aio-many", epochs=30, learning_rate=0.01)
            seen = []
            async for event in job.watch():
                seen.append(event)
                if isinstance(event, EpochCompleted) and event.epoch == 3:
                    server.kill()
                    server.start()
            assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
            epochs = [event.epoch for event in seen if isinstance(event, EpochCompleted)]
            assert epochs == list(range(1, 31))

    run(main())
