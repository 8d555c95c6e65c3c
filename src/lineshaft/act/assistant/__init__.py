"""The assistant: what manuals, past orders and the machine itself say about a trouble, with the place where it is written.

It ranks passages and makes a checklist without any language model; with one, an agent words the answer from the same passages.
"""

from lineshaft.act.assistant.assistant import Assistant
from lineshaft.act.assistant.manuals import load_manuals

__all__ = ["Assistant", "load_manuals"]
