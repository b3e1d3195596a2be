//! A blocking HTTP/3 client without an async runtime.
