"""MQTT 3.1.1 and 5: listens to topics of a broker; numbers, JSON or CSV in their payloads become tags by a mapping.

A message of QoS 1 or 2 is acknowledged after it lies in the edge buffer, so the broker keeps what we could not.
"""

from lineshaft.connect.sources.mqtt.mqtt import MqttSource
from lineshaft.connect.sources.mqtt.options import MqttOptions, Topic

PLUGIN = MqttSource

__all__ = ["PLUGIN", "MqttOptions", "MqttSource", "Topic"]
