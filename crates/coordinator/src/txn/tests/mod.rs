//! The requests of producers against one shard: what each is answered in each state, and what the log then says.

mod end;
mod init;
mod life;
mod world;
