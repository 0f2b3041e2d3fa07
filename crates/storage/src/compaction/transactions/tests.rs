//! Tests in the making.
