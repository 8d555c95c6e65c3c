"""What detection may forget after its time: judged findings, raw records nothing refers to, what old versions had learned.

Each kind is looked through in pages (`page`, which writes nothing) and taken away in batches (`take`, in the caller's
transaction), so that a dry run and the removal are the same question.
"""

from lineshaft.detect.forgetting.findings import OldFindings
from lineshaft.detect.forgetting.page import Page
from lineshaft.detect.forgetting.records import OldRecords
from lineshaft.detect.forgetting.versions import KINDS, OldVersions

__all__ = ["KINDS", "OldFindings", "OldRecords", "OldVersions", "Page"]
