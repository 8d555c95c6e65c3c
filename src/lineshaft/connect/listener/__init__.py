"""Our own ear for devices: a sensor publishes by MQTT to a fresh node, with no broker between.

It takes messages and hands none out: a message is acknowledged when its values lie in the edge buffer, on disk. Who wants
several listeners for one message uses a broker, by its URL.
"""

from lineshaft.connect.listener.devices import DeviceFile, Devices
from lineshaft.connect.listener.listener import Listener

__all__ = ["DeviceFile", "Devices", "Listener"]
