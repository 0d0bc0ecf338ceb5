"""Tables → what readers get; made again at any time.

plot.py       The newest files of a type in one small picture: lines that came, and lines that
              were refused
progress.py   What has become of uploads and sessions, as the gateway tells their sender
"""
