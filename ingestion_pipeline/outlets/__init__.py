"""The way out across domains: marts, dashboards, a lake. Reserved."""
