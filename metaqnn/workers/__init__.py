"""One pool of workers for whatever takes long: processes that may be killed, hang or grow, and the work goes on."""
