"""Tables → what readers get; made again at any time.

progress.py   What has become of uploads and sessions, as the gateway tells their sender
"""
