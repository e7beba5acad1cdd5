"""The life of an ops issue outside of the scan: on GitHub, as files, and in people's hands."""
