"""What /metrics shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Numbers = Callable[[], Mapping[str, Mapping[str, float]]]


class Metrics:
    """A registry whose figures are read where they are kept, when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    def counters(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A family of counters by one label."""
        self.registry.register(_Family(CounterMetricFamily, name, text, label, read))

    def gauges(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A family of gauges by one label."""
        self.registry.register(_Family(GaugeMetricFamily, name, text, label, read))


class _Family(Collector):
    def __init__(
        self,
        kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
        name: str,
        text: str,
        label: str,
        read: Callable[[], Mapping[str, float]],
    ) -> None:
        self._kind, self._name, self._text, self._label, self._read = kind, name, text, label, read

    def collect(self) -> list[Metric]:
        family = self._kind(self._name, self._text, labels=[self._label])
        for key, value in self._read().items():
            family.add_metric([key], value)
        return [family]
