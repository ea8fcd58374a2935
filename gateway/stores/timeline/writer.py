"""The one writing thread of a process: many commits share one transaction, so one sync of the disk.

A job runs inside the transaction and answers its caller once that is durable. Between processes a
file lock is the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import apsw

from gateway.stores.timeline.database import BUSY_MS_MAX, ProcessLock, all_rows, connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import OutcomeUnknown, StoreError, Unavailable

log = logging.getLogger(__name__)

JOBS_A_TRANSACTION_MAX = 256
JOBS_WAITING_MAX = 10_000
WAL_BYTES_MAX = 64 * 1024 * 1024
CHECKPOINT_WAIT_MS = 20

_T = TypeVar("_T")


class Pending(Protocol):
    """Commits of one transaction on their way into the tables, kept as its store likes."""

    @property
    def grown(self) -> Mapping[int, int]:
        """Changes by line."""

    @property
    def first_id(self) -> bytes | None:
        """Of the first commit; None where there is none."""

    def flush(self) -> None:
        """Write what is not in the tables yet."""

    def forget(self) -> None:
        """Drop what is known of the tables, after plain SQL wrote to them or a write was undone."""


_B = TypeVar("_B", bound=Pending)


class Transaction(Generic[_B]):
    """What a job works with. batch: commits of this transaction, not yet in the tables."""

    def __init__(self, reader: Reader, batch: _B) -> None:
        self.reader = reader
        self.connection = reader.connection
        self.batch = batch
        self._mark: bytes | None = None

    def settle(self) -> apsw.Connection:
        """Bring the batch into the tables, so that plain SQL sees all of it."""
        self.batch.flush()
        return self.connection

    def mark(self) -> None:
        """Leave a trace by which `landed` knows this transaction, before its COMMIT."""
        self._mark = secrets.token_bytes(16)
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES('mark', ?)", (self._mark,))

    def landed(self, reader: Reader) -> bool:
        """Whether this transaction is in the tables; asked while the lock is still held."""
        if self._mark is None:
            first = self.batch.first_id
            return first is not None and reader.point_of(first) is not None
        row = first_row(reader.connection, "SELECT value FROM meta WHERE name='mark'")
        return row is not None and row[0] == self._mark


@dataclass(slots=True)
class _Job(Generic[_B]):
    """Work for one transaction and who waits for it. sql: it writes by plain SQL."""

    run: Callable[[Transaction[_B]], Any]
    sql: bool
    answer: Callable[[Any, BaseException | None], None]


class Writer(Generic[_B]):
    """Runs jobs one after the other, as many in one transaction as are waiting.

    begin: an empty batch for a transaction. durable: as in `connect`.
    landed: is told of changes that were committed, line -> how many; must not wait.
    """

    def __init__(
        self,
        file: Path,
        lock: ProcessLock,
        begin: Callable[[Reader], _B],
        landed: Callable[[Mapping[int, int]], None] = lambda _: None,
        *,
        durable: bool = True,
    ) -> None:
        self._file = file
        self._lock = lock
        self._begin = begin
        self._durable = durable
        self._landed = landed
        self._queue: queue.SimpleQueue[_Job[_B] | None] = queue.SimpleQueue()
        self._reader = self._connected()
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="labelgate-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Transaction[_B]], _T], *, sql: bool = True) -> _T:
        """Run `work` in the next transaction; returns once that is durable.

        sql: it may write by plain SQL; without, only through the transaction's batch.
        Raises what `work` raises (then nothing of it stays), or Unavailable. Whoever is cancelled
        while waiting does not call the work back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def settle(value: _T, error: BaseException | None) -> None:
            if future.done():  # the caller was cancelled; the work stands all the same
                return
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        def answer(value: _T, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(settle, value, error)

        self._submit(_Job(work, sql, answer))
        return await future

    def run_from_thread(self, work: Callable[[Transaction[_B]], _T]) -> _T:
        """The same for a thread of ours, which waits."""
        done: queue.SimpleQueue[tuple[_T, BaseException | None]] = queue.SimpleQueue()
        self._submit(_Job(work, True, lambda value, error: done.put((value, error))))
        value, error = done.get()
        if error is not None:
            raise error
        return value

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread still takes work."""
        return self._thread.is_alive() and not self._closed

    def _submit(self, job: _Job[_B]) -> None:
        with self._closing:  # behind the end of the queue nobody would answer
            if not self.alive:
                raise Unavailable("the store is closed")
            if self._queue.qsize() >= JOBS_WAITING_MAX:
                raise Unavailable("too many writes are waiting")
            self._queue.put(job)

    def _connected(self) -> Reader:
        return Reader(connect(self._file, durable=self._durable))

    def _serve(self) -> None:
        closing = False
        while not closing and (job := self._queue.get()) is not None:
            jobs = [job]
            try:
                with self._lock.held():
                    # Whoever came while we waited for the lock shares the sync.
                    closing = self._drain(jobs)
                    self._transact(jobs)
                    self._checkpoint()
            except Exception as error:
                log.exception("a transaction failed")
                self._fail(jobs, OutcomeUnknown(f"the store failed: {type(error).__name__}"))
        self._reader.connection.close()

    def _drain(self, jobs: list[_Job[_B]]) -> bool:
        """Take what is waiting, up to the limit; whether the end of all was among it."""
        while len(jobs) < JOBS_A_TRANSACTION_MAX:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return False
            if job is None:
                return True
            jobs.append(job)
        return False

    def _transact(self, jobs: list[_Job[_B]]) -> None:
        """One transaction for all jobs; a job that raises leaves nothing, the others stand."""
        self._recover()
        connection = self._reader.connection
        transaction = Transaction(self._reader, self._begin(self._reader))
        try:
            connection.execute("BEGIN IMMEDIATE")
            answers = [(job, *self._attempt(job, transaction)) for job in jobs]
            transaction.settle()
            if any(job.sql for job in jobs):
                transaction.mark()
            connection.execute("COMMIT")
        except apsw.Error as error:
            if not self._stands(transaction, error):
                self._fail(jobs, Unavailable(f"the store cannot write now: {error}"))
                return
        except Exception:
            self._recover()
            raise
        self._landed(transaction.batch.grown)
        for job, value, refused in answers:
            job.answer(value, refused)

    def _attempt(
        self, job: _Job[_B], transaction: Transaction[_B]
    ) -> tuple[Any, BaseException | None]:
        """Run one job: its value, or the error for which nothing of it stays."""
        try:
            run = self._run_sql if job.sql else _run_plain
            return run(job, transaction), None
        except apsw.Error:
            raise  # the whole transaction is in doubt
        except StoreError as refusal:
            return None, refusal
        except Exception as error:
            log.exception("a write failed")
            return None, error

    def _run_sql(self, job: _Job[_B], transaction: Transaction[_B]) -> Any:
        """Run a job that writes to the tables beside the batch, in a savepoint of its own."""
        connection = transaction.settle()
        connection.execute("SAVEPOINT job")
        try:
            value = job.run(transaction)
            transaction.settle()
        except apsw.Error:
            raise  # SQLite may have rolled back already; the transaction is given up
        except BaseException:
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            self._reader.forget()
            raise
        else:
            connection.execute("RELEASE job")
            return value
        finally:
            # It may have moved refs and taken ids that the batch believes to know.
            transaction.batch.forget()

    def _stands(self, transaction: Transaction[_B], error: apsw.Error) -> bool:
        """After an error: undo, and find out whether the transaction landed all the same.

        A COMMIT that failed with an I/O error is of unknown outcome: this connection is given up,
        and a new one is asked.
        """
        log.error("a transaction failed: %s", error)
        if not isinstance(error, apsw.IOError):
            self._recover()
            return False
        self._reader.connection.close()
        self._reader = self._connected()
        return transaction.landed(self._reader)

    def _recover(self) -> None:
        """Be outside any transaction, whatever the last one left behind."""
        try:
            if not self._reader.connection.in_transaction:
                return
            self._reader.connection.execute("ROLLBACK")
        except apsw.Error:
            with contextlib.suppress(apsw.Error):
                self._reader.connection.close()
            self._reader = self._connected()
        # Lines and nodes that were rolled back leave their numbers to others.
        self._reader.forget()

    def _fail(self, jobs: list[_Job[_B]], error: StoreError) -> None:
        for job in jobs:
            job.answer(None, error)

    def _checkpoint(self) -> None:
        """Keep the log short: a passive checkpoint never catches up with a busy writer."""
        wal = self._file.with_name(self._file.name + "-wal")
        try:
            size = wal.stat().st_size
        except OSError:
            return
        if size <= WAL_BYTES_MAX:
            return
        connection = self._reader.connection
        connection.set_busy_timeout(CHECKPOINT_WAIT_MS)
        try:
            all_rows(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        except apsw.Error as error:  # a reader is in the way, or the disk: the next one tries again
            log.debug("the log was not truncated: %s", error)
        finally:
            connection.set_busy_timeout(BUSY_MS_MAX)


def _run_plain(job: _Job[_B], transaction: Transaction[_B]) -> Any:
    return job.run(transaction)
