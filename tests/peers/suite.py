"""A small runner of checks, and what checks are written with.

A check is a function of one fresh account; its docstring is the sentence that holds. Whatever it
raises says that the sentence does not.
"""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from sandbox import Scope

Check = Callable[[Scope], None]

CHECKS: list[Check] = []

# What botocore's paginators and waiters were tried on, as `ecs.list_tasks`.
PAGED: set[str] = set()
AWAITED: set[str] = set()


class Broken(AssertionError):
    """Something is not as it must be."""


def check(function: Check) -> Check:
    """Makes a function one of the checks."""
    CHECKS.append(function)
    return function


def collect(package: ModuleType) -> list[Check]:
    """Imports all of a package's modules; gives the checks that they have."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return CHECKS


def run(check: Check, scope: Scope) -> bool:
    """Runs a check and prints what became of it; tells whether it holds."""
    topic = check.__module__.rsplit(".", 1)[-1].replace("_", " ")
    sentence = " ".join((check.__doc__ or check.__name__).split()).removesuffix(".")
    try:
        check(scope)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next check is run
        line = next(
            (
                one.lineno
                for one in reversed(traceback.extract_tb(error.__traceback__))
                if one.filename == check.__code__.co_filename
            ),
            0,
        )
        print(f"FAIL {topic}: {sentence}", flush=True)
        print(f"     line {line}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok   {topic}: {sentence}", flush=True)
    return True


def equal(actual: Any, expected: Any, what: str = "") -> None:
    """Both are the same."""
    if actual != expected:
        raise Broken(f"{what + ' is ' if what else ''}{actual!r}, want {expected!r}")


def holds(condition: Any, what: str) -> None:
    """It is so."""
    if not condition:
        raise Broken(f"not so: {what}")


def lost(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """Where `found` lacks something of `wanted`; it may have more members."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            yield from lost(value, found.get(name), f"{path}.{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, value in enumerate(wanted):
            yield from lost(value, found[number], f"{path}[{number}]")
    elif wanted != found:
        yield f"{path}: {found!r}, want {wanted!r}"


def refused(code: str, call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """The request is answered with this error; gives the error."""
    try:
        answer = call(**request)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, "the error")
        return dict(error.response)
    raise Broken(f"want the error {code}, got {answer!r}")


def paged(
    client: BaseClient, operation: str, key: str, expected: int, size: int = 2, **request: Any
) -> list[Any]:
    """Reads a listing with botocore's paginator: everything comes once, in pages of `size`, which
    is asked for where the operation lets a client say how large they are. Gives what is listed."""
    PAGED.add(f"{client.meta.service_model.service_name}.{operation}")
    paginator = client.get_paginator(operation)
    config = {"PageSize": size} if "limit_key" in paginator._pagination_cfg else {}
    pages = [page[key] for page in paginator.paginate(**request, PaginationConfig=config)]
    listed = [one for page in pages for one in page]
    equal(len(listed), expected, f"the number of {key}")
    for number, one in enumerate(listed):
        holds(one not in listed[:number], f"{one!r} is listed once")
    holds(
        all(len(page) == size for page in pages[:-1]), f"{[len(p) for p in pages]} are full pages"
    )
    return listed


def by_token(
    call: Callable[..., Any], key: str, token: str = "nextToken", **request: Any
) -> Iterator[list[Any]]:
    """The pages of a listing that botocore has no paginator for."""
    answer = call(**request)
    yield answer[key]
    while token in answer:
        answer = call(**request, **{token: answer[token]})
        yield answer[key]


def wait(client: BaseClient, waiter: str, **request: Any) -> None:
    """Waits with botocore's waiter, at the sandbox's own pace."""
    AWAITED.add(f"{client.meta.service_model.service_name}.{waiter}")
    pace = {"Delay": 0.02, "MaxAttempts": 500}
    client.get_waiter(waiter).wait(**request, WaiterConfig=pace)
