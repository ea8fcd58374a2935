"""The settings of a bucket that are not offered: what a bucket without them answers.

A setting is never kept unless it is enforced. So reading one says that it is not there, in AWS's
words; taking it away changes nothing; and setting it is refused with the reason, but where the
document asks for no more than what holds already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.protocol import encryption
from gateway.protocol.documents import parse
from gateway.protocol.errors import S3Error
from gateway.protocol.responses import document


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    root: of its document. reason: why none is taken. missing: the error that reading it answers;
    "" where a bucket without it answers a document. holds: what that says. same: what asks for no
    more, in other words. listed: the root of the list, where a bucket may have many.
    """

    root: str
    reason: str
    missing: str = ""
    holds: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    listed: str = ""

    def answer(self) -> bytes:
        """The document that reading it answers. Raises the error that it is not there."""
        if self.missing:
            raise S3Error(self.missing)
        shown = "".join(f"<{name}>{value}</{name}>" for name, value in self.holds.items())
        return document(self.root, shown)

    def demand(self, body: bytes) -> None:
        """Raise NotImplemented unless the document asks for what holds already.

        Raises MalformedXML.
        """
        form = parse(body, self.root)
        # Where there is an error for its absence, an empty one would be one all the same.
        if self.missing or form not in ({}, self.holds, self.same):
            raise S3Error("NotImplemented", self.reason)


_NO_CLOCK = (
    "Nothing is deleted here by a clock: versions are history, and only the right 'erase' takes "
    "one away."
)
_NO_REPORTS = "This server writes no reports about buckets; see its metrics."

SETTINGS: Mapping[str, Setting] = {
    "lifecycle": Setting(
        "LifecycleConfiguration", _NO_CLOCK, missing="NoSuchLifecycleConfiguration"
    ),
    "encryption": Setting(
        "ServerSideEncryptionConfiguration",
        encryption.REASON,
        missing="ServerSideEncryptionConfigurationNotFoundError",
    ),
    "replication": Setting(
        "ReplicationConfiguration",
        "Buckets are not replicated to others by this server.",
        missing="ReplicationConfigurationNotFoundError",
    ),
    "website": Setting(
        "WebsiteConfiguration",
        "Buckets are not served as websites.",
        missing="NoSuchWebsiteConfiguration",
    ),
    "notification": Setting(
        "NotificationConfiguration", "Events are not sent to queues or topics."
    ),
    "logging": Setting(
        "BucketLoggingStatus", "Access is logged by the server as a whole, not into a bucket."
    ),
    "requestPayment": Setting(
        "RequestPaymentConfiguration",
        "Nobody pays for requests, so no requester can.",
        holds={"Payer": "BucketOwner"},
    ),
    "accelerate": Setting(
        "AccelerateConfiguration",
        "There is one endpoint, and none that is faster.",
        same={"Status": "Suspended"},
    ),
    "abac": Setting(
        "AbacStatus",
        "Access is not decided by the tags of buckets.",
        holds={"Status": "Disabled"},
    ),
    "analytics": Setting(
        "AnalyticsConfiguration",
        _NO_REPORTS,
        missing="NoSuchConfiguration",
        listed="ListBucketAnalyticsConfigurationResult",
    ),
    "intelligent-tiering": Setting(
        "IntelligentTieringConfiguration",
        "There is one storage class, STANDARD.",
        missing="NoSuchConfiguration",
        listed="ListBucketIntelligentTieringConfigurationsOutput",
    ),
    "inventory": Setting(
        "InventoryConfiguration",
        _NO_REPORTS,
        missing="NoSuchConfiguration",
        listed="ListInventoryConfigurationsResult",
    ),
    "metrics": Setting(
        "MetricsConfiguration",
        _NO_REPORTS,
        missing="NoSuchConfiguration",
        listed="ListMetricsConfigurationsResult",
    ),
}
"""By the query key that names it."""


def render_list(setting: Setting) -> bytes:
    """The list of a setting that a bucket may have many of: none."""
    return document(setting.listed, "<IsTruncated>false</IsTruncated>")
