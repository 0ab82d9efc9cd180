"""A session as its asynchronous caller sees it: `lossd.session` with `await`, on the same calls and numbers."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lossd import changing, fitting, training_calls
from lossd.aio_connection import AsyncConnection
from lossd.calls import Call
from lossd.changing import STREAM, Change, FitRequest, Plan, overridden
from lossd.diagnostics import Level
from lossd.errors import DeadlineExceeded, LossdError, NotFound
from lossd.evaluation import metric_names
from lossd.fitting import Changes, Course, Tally
from lossd.history import History
from lossd.pipeline import UNDER_WAY, Broken, Pipeline
from lossd.progress import Report, reporting
from lossd.sequence import Numbered, Retry
from lossd.sequence import Sequence as Numbers
from lossd.settings import EarlyStopping
from lossd.tensors import Array, ArrayLike
from lossd.training_results import MicroBatch, Progress, Saved, Score, SessionInfo, Step

if TYPE_CHECKING:
    from typing_extensions import Self  # for the type checker alone: no dependency

    from lossd.loss import Loss

T = TypeVar("T")
R = TypeVar("R", Step, MicroBatch)


class Connected(Protocol):
    """A client."""

    _connection: AsyncConnection


class AsyncSession:
    """`Session` for asyncio: the same methods and errors, each method awaited.

    Tasks may share it: calls that change it go one after the other.
    """

    def __init__(self, client: Connected, session_id: str, loss: Loss | None, seq: int = 0) -> None:
        self.session_id = session_id
        self._connection = client._connection
        self._loss = loss
        self._numbers = Numbers(seq)
        self._turn = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None  # the task whose turn it is

    async def step(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        lr: float | None = None,
        overrides: Mapping[str, float] = {},
        metrics: Sequence[str] = (),
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> Step:
        """As `Session.step`."""
        numbers = overridden(lr, overrides)
        change = changing.train_step(self.session_id, self._loss, inputs, targets, numbers, metrics, diagnostics)
        return await self._change(changing.step_call(change), timeout)

    async def forward_backward(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        weight: float | None = None,
        metrics: Sequence[str] = (),
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> MicroBatch:
        """As `Session.forward_backward`."""
        change = changing.forward_backward(self.session_id, self._loss, inputs, targets, weight, metrics, diagnostics)
        return await self._change(changing.micro_batch_call(change), timeout)

    async def optim_step(
        self,
        *,
        lr: float | None = None,
        overrides: Mapping[str, float] = {},
        discard: bool = False,
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> Step:
        """As `Session.optim_step`."""
        change = changing.optim_step(self.session_id, overridden(lr, overrides), discard, diagnostics)
        return await self._change(changing.step_call(change), timeout)

    async def step_stream(
        self,
        batches: AsyncIterable[tuple[ArrayLike, ArrayLike]] | Iterable[tuple[ArrayLike, ArrayLike]],
        *,
        overrides: Mapping[str, float] = {},
        diagnostics: Level | bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[Step]:
        """As `Session.step_stream`."""
        changes = Changes(self.session_id, self._loss, 1, overrides, diagnostics)
        async with self._in_turn(timeout) as retry:
            await self._settle(retry)
            async with aclosing(self._stream(changes, batches, timeout)) as outcomes:
                async for _, outcome in outcomes:
                    if isinstance(outcome, Step):
                        yield outcome

    async def fit(
        self,
        inputs: ArrayLike | AsyncIterable[tuple[ArrayLike, ArrayLike]] | Iterable[tuple[ArrayLike, ArrayLike]],
        targets: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = False,
        shuffle_seed: int = 0,
        drop_last: bool = False,
        validation_split: float = 0.0,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        early_stopping: EarlyStopping | int | None = None,
        restore_best: bool = False,
        metrics: Sequence[str] | str = (),
        accumulate: int = 1,
        diagnostics: Level | bool = False,
        progress: bool | Callable[[Progress], object] = False,
        timeout: float | None = None,
    ) -> History:
        """As `Session.fit`."""
        plan = Plan(
            epochs,
            batch_size,
            shuffle,
            shuffle_seed,
            drop_last,
            validation_split,
            validation_data,
            fitting.stopping(early_stopping),
            restore_best,
            metric_names(metrics),
            accumulate,
            diagnostics,
        )
        if targets is None:
            fitting.check_batches(plan, inputs)
            with reporting(progress, epochs) as report:
                return await self._fit_batches(plan, inputs, report, timeout)
        request = FitRequest(self.session_id, self._loss, inputs, targets, plan)
        with reporting(progress, epochs) as report:
            return await self._fit_arrays(request, epochs, report, timeout)

    async def predict(self, inputs: ArrayLike, *, averaged: bool = False, timeout: float | None = None) -> Array:
        """As `Session.predict`."""
        return await self._connection.call(training_calls.forward(self.session_id, inputs, averaged), timeout)

    async def evaluate(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        metrics: Sequence[str] | str = (),
        batch_size: int | None = None,
        averaged: bool = False,
        diagnostics: Level | bool = False,
        series: str = "",
        timeout: float | None = None,
    ) -> Score:
        """As `Session.evaluate`."""
        call = training_calls.evaluate_session(
            self.session_id,
            self._loss,
            inputs,
            targets,
            metric_names(metrics),
            batch_size,
            averaged,
            diagnostics,
            series,
        )
        return await self._connection.call(call, timeout)

    async def state_dict(self, *, averaged: bool = False, timeout: float | None = None) -> dict[str, Array]:
        """As `Session.state_dict`."""
        return await self._connection.call(training_calls.get_session_state(self.session_id, averaged), timeout)

    async def save(self, *, timeout: float | None = None) -> Saved:
        """As `Session.save`."""
        return await self._connection.repeat(
            training_calls.save_session(self.session_id), self._connection.retry(timeout)
        )

    async def info(self, *, timeout: float | None = None) -> SessionInfo:
        """As `Session.info`."""
        return await self._connection.call(training_calls.get_session(self.session_id), timeout)

    async def heartbeat(self, *, timeout: float | None = None) -> None:
        """As `Session.heartbeat`."""
        await self.info(timeout=timeout)

    async def resync(self, *, timeout: float | None = None) -> int:
        """As `Session.resync`."""
        async with self._in_turn(timeout) as retry:
            info = await self._connection.repeat(training_calls.get_session(self.session_id), retry)
            self._numbers.reset(info.seq)
            return info.step

    async def delete(self, *, timeout: float | None = None) -> None:
        """As `Session.delete`."""
        await self._connection.call(training_calls.delete_session(self.session_id), timeout)

    async def _change(self, numbered: Numbered[R], timeout: float | None) -> R:
        """Every unary call that changes the session goes through here."""
        async with self._in_turn(timeout) as retry:
            again = self._numbers.repeats(numbered)
            call = await self._begin(numbered, retry)
            with self._settling():
                answer = await self._connection.repeat(call, retry)
                self._numbers.answered(answer.replayed, again or retry.failed)
            return answer

    async def _begin(self, numbered: Numbered[T], retry: Retry) -> Call[T]:
        """The call with its number; before it, the session is asked how far it is where that is not known."""
        if not self._numbers.repeats(numbered):
            await self._settle(retry)
        return self._numbers.begin(numbered)

    async def _settle(self, retry: Retry) -> None:
        if not self._numbers.sure:
            info = await self._connection.repeat(training_calls.get_session(self.session_id), retry)
            self._numbers.learn(info.seq)

    @contextmanager
    def _settling(self, in_parts: bool = False) -> Iterator[None]:
        try:
            yield
        except LossdError as error:
            self._numbers.settle(error, in_parts)
            raise

    async def _fit_arrays(self, request: FitRequest, epochs: int, report: Report, timeout: float | None) -> History:
        async with self._in_turn(timeout) as retry:
            again = self._numbers.repeats(request.numbered)
            first = await self._begin(request.numbered, retry)
            course = Course(request, first, self._numbers.sent, epochs, again)
            with self._settling(in_parts=True):
                async with aclosing(self._course(course, retry)) as told:
                    async for progress in told:
                        report(progress)
            self._numbers.answered(replayed=False, again=True)
            return course.history()

    async def _course(self, course: Course, retry: Retry) -> AsyncGenerator[Progress, None]:
        """What a Fit tells, by one stream after another if they break."""
        while not course.done:
            try:
                async with aclosing(self._connection.listen(course.call(), retry.timeout())) as answers:
                    async for answer in answers:
                        retry.progress()
                        yield course.told(answer)
                course.ended()
            except LossdError as error:
                if not course.forgotten(error):
                    await asyncio.sleep(retry.pause(error))

    async def _fit_batches(self, plan: Plan, batches: Any, report: Report, timeout: float | None) -> History:
        tally = Tally(plan, len(batches) if isinstance(batches, Sized) else None)
        changes = Changes(self.session_id, self._loss, plan.accumulate, diagnostics=plan.diagnostics)
        async with self._in_turn(timeout) as retry:
            await self._settle(retry)
            while not tally.stopped:
                async with aclosing(self._stream(changes, batches, timeout)) as outcomes:
                    async for change, outcome in outcomes:
                        report(tally.took(change, outcome))
                score = None
                if plan.validation_data is not None:
                    score = await self.evaluate(*plan.validation_data, metrics=plan.metrics, timeout=timeout)
                report(tally.end_epoch(score))
            return tally.history()

    async def _stream(
        self, changes: Changes, batches: AsyncIterable[Any] | Iterable[Any], timeout: float | None
    ) -> AsyncGenerator[tuple[Change, Step | MicroBatch], None]:
        """Sends changes ahead of their answers, by one stream after another if they break."""
        pipeline, retry = Pipeline(self._numbers), self._connection.retry(timeout)
        async with aclosing(_all(changes, batches)) as source:
            while True:
                try:
                    async with aclosing(self._one_stream(pipeline, source, retry)) as outcomes:
                        async for outcome in outcomes:
                            yield outcome
                    return
                except Broken as broken:
                    await asyncio.sleep(retry.pause(broken.error))

    async def _one_stream(
        self, pipeline: Pipeline, source: AsyncIterator[Change], retry: Retry
    ) -> AsyncGenerator[tuple[Change, Step | MicroBatch], None]:
        requests: asyncio.Queue[bytes | None] = asyncio.Queue()
        for message in pipeline.unanswered():
            requests.put_nowait(message)
        async with aclosing(self._connection.stream(STREAM, _taken(requests), retry.timeout())) as answers:
            try:
                while True:
                    while not pipeline.full and (change := await anext(source, None)) is not None:
                        requests.put_nowait(pipeline.add(change))
                    if not pipeline:
                        return
                    with pipeline.breaking():
                        outcome = pipeline.answered(await anext(answers, None))
                    retry.progress()
                    yield outcome
            finally:
                requests.put_nowait(None)

    @asynccontextmanager
    async def _in_turn(self, timeout: float | None) -> AsyncIterator[Retry]:
        """Waits until no other task changes the session; gives what is left of the time."""
        retry = self._connection.retry(timeout)
        if self._holder is asyncio.current_task():
            raise RuntimeError(UNDER_WAY)
        left = retry.left()
        try:
            await asyncio.wait_for(self._turn.acquire(), left)
        except asyncio.TimeoutError:
            waited = f"other calls changed this session for {left:g} seconds; allow a longer `timeout`"
            raise DeadlineExceeded(waited) from None
        self._holder = asyncio.current_task()
        try:
            yield retry
        finally:
            self._holder = None
            self._turn.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            await self.delete()
        except NotFound:
            pass  # gone already
        except LossdError:
            if kind is None:  # else the first error is the one to see
                raise

    def __repr__(self) -> str:
        return f"AsyncSession({self.session_id!r})"


async def _all(changes: Changes, batches: AsyncIterable[Any] | Iterable[Any]) -> AsyncGenerator[Change, None]:
    number = 0
    async for batch in asynchronous(batches):
        number += 1
        for change in changes.of(*fitting.pair(number, batch)):
            yield change
    for change in changes.rest():
        yield change


async def _taken(requests: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (message := await requests.get()) is not None:
        yield message


async def asynchronous(items: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    """The items of a plain or an asynchronous iterable."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
