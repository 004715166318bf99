"""The sandbox as a test drives it: clients of its AWS services, and its own controls.

Invariant: a test that makes its own `Scope` shares no resources with any other.
"""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session

REGION = "eu-west-1"

# One attempt, so that an error is seen and not repeated.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)

# The same without botocore's own checks of a request, to have the service check it.
UNCHECKED = CONFIG.merge(Config(parameter_validation=False))

# How fast time goes by where nothing else is said: a rollout takes a fraction of a second.
SPEED = 60

# A request that the sandbox itself answers takes no longer than this.
TIMEOUT_SECONDS = 20

SESSION = Session()


def speaking(protocol: str) -> Session:
    """A session whose clients speak this protocol only, as those of other versions of botocore and
    of other SDKs do."""
    session = Session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def load_service_model(*arguments: Any, **named: Any) -> Any:
        model = load(*arguments, **named)
        if "metadata" not in model:
            return model
        return {**model, "metadata": {**model["metadata"], "protocols": [protocol]}}

    loader.load_service_model = load_service_model
    return session


def access_key(account: str) -> str:
    """An access key that the sandbox takes for one of this account."""
    return f"AKIA{account}TEST"


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that is being served."""

    url: str

    def client(
        self,
        service: str,
        account: str,
        region: str = REGION,
        config: Config = CONFIG,
        session: Session = SESSION,
    ) -> BaseClient:
        """A client for a service in an account."""
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=access_key(account),
            aws_secret_access_key="not verified",
            config=config,
        )

    def control(self, method: str, action: str, **members: Any) -> Any:
        """Has the sandbox itself do something, or tell something."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{action}",
            data=json.dumps(members).encode() if members else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read())

    def set_speed(self, factor: float) -> None:
        """Has time go by so many times as fast; 0 stops it."""
        self.control("POST", "speed", speed=factor)

    def advance(self, milliseconds: int) -> None:
        """Puts the clock forward."""
        self.control("POST", "advance", by=f"{milliseconds}ms")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stops time; has it go by at the tests' speed again afterwards."""
        self.set_speed(0)
        try:
            yield
        finally:
            self.set_speed(SPEED)

    def set_fate(self, image: str, fate: str) -> None:
        """Says what becomes of containers of an image."""
        self.control("POST", "fates", image=image, fate=fate)

    @contextmanager
    def fault(self, pattern: str, kind: str) -> Iterator[None]:
        """Has requests fail."""
        self.control("POST", "faults", on=pattern, kind=kind)
        try:
            yield
        finally:
            self.control("DELETE", "faults")


@dataclass
class Scope:
    """One account of the sandbox, with clients that are made as they are needed."""

    sandbox: Sandbox
    account: str
    attach: Callable[[BaseClient], None]
    region: str = REGION
    _clients: dict[str, BaseClient] = field(default_factory=dict)

    def client(self, service: str) -> BaseClient:
        """The client for a service."""
        if service not in self._clients:
            self._clients[service] = self.sandbox.client(service, self.account, self.region)
            self.attach(self._clients[service])
        return self._clients[service]

    def unchecked(self, service: str) -> BaseClient:
        """A client for a service that sends whatever it is given."""
        client = self.sandbox.client(service, self.account, self.region, UNCHECKED)
        self.attach(client)
        return client

    def in_protocol(self, service: str, protocol: str, config: Config = CONFIG) -> BaseClient:
        """A client for a service that speaks one of several protocols."""
        session = speaking(protocol)
        client = self.sandbox.client(service, self.account, self.region, config, session)
        self.attach(client)
        return client

    @property
    def ecs(self) -> Any:
        """The client for ECS."""
        return self.client("ecs")

    @property
    def ssm(self) -> Any:
        """The client for SSM."""
        return self.client("ssm")

    @property
    def ecr(self) -> Any:
        """The client for ECR."""
        return self.client("ecr")

    @property
    def sts(self) -> Any:
        """The client for STS."""
        return self.client("sts")

    @property
    def logs(self) -> Any:
        """The client for CloudWatch Logs."""
        return self.client("logs")

    @property
    def elb(self) -> Any:
        """The client for Elastic Load Balancing, version 2."""
        return self.client("elbv2")

    @property
    def code_deploy(self) -> Any:
        """The client for CodeDeploy."""
        return self.client("codedeploy")

    @property
    def scaling(self) -> Any:
        """The client for Application Auto Scaling."""
        return self.client("application-autoscaling")

    @property
    def quotas(self) -> Any:
        """The client for Service Quotas."""
        return self.client("service-quotas")


def accounts() -> Iterator[str]:
    """Account ids, each once."""
    return (f"{number:012}" for number in itertools.count(100_000_000_000))
