# SPDX-License-Identifier: BSD-3-Clause
"""What DISPATCH code may do with what is not ours, and which references to init code may stay. Each with its reason."""


def table(*rows):
    return {name: reason for reason, names in rows for name in names.split()}


# Foreign functions that DISPATCH code never calls: each waits, allocates or enters the kernel.
FORBIDDEN = table(
    ("allocates from the heap", "malloc calloc realloc reallocarray aligned_alloc posix_memalign memalign valloc strdup "
     "strndup asprintf vasprintf __asprintf_chk __vasprintf_chk getline getdelim"),
    ("gives back to the heap, under its lock", "free cfree"),
    ("allocates from DPDK's heap, under its lock", "rte_malloc rte_malloc_socket rte_calloc rte_calloc_socket rte_zmalloc "
     "rte_zmalloc_socket rte_realloc rte_realloc_socket rte_free rte_mempool_create rte_mempool_free "
     "rte_pktmbuf_pool_create rte_memzone_reserve rte_memzone_free rte_ring_create rte_ring_free rte_hash_create "
     "rte_hash_free"),
    ("prints", "printf vprintf puts putchar fprintf vfprintf dprintf vdprintf fputs fputc putc fwrite perror "
     "__printf_chk __vprintf_chk __fprintf_chk __vfprintf_chk __dprintf_chk fflush psignal"),
    ("does buffered input or output", "fopen fdopen freopen fclose fread fgets fgetc getc fscanf scanf __isoc99_fscanf "
     "__isoc99_scanf fseek ftell opendir readdir closedir"),
    ("formats text, which takes the locale's lock and may allocate", "snprintf sprintf vsnprintf vsprintf __snprintf_chk "
     "__sprintf_chk __vsnprintf_chk __vsprintf_chk sscanf __isoc99_sscanf strftime strerror strerror_r"),
    ("logs", "rte_log rte_vlog syslog vsyslog openlog closelog"),
    ("takes a mutex", "pthread_mutex_lock pthread_mutex_timedlock pthread_rwlock_rdlock pthread_rwlock_wrlock mtx_lock"),
    ("works on a mutex", "pthread_mutex_trylock pthread_mutex_unlock pthread_mutex_init pthread_mutex_destroy "
     "pthread_rwlock_unlock pthread_rwlock_init pthread_rwlock_destroy mtx_unlock mtx_init"),
    ("wakes or waits through the kernel", "pthread_cond_wait pthread_cond_timedwait pthread_cond_signal "
     "pthread_cond_broadcast pthread_barrier_wait pthread_join sem_wait sem_timedwait sem_post cnd_wait cnd_signal "
     "cnd_broadcast thrd_join eventfd_read eventfd_write"),
    ("sleeps", "sleep usleep nanosleep clock_nanosleep rte_delay_us_sleep thrd_sleep pause poll ppoll select pselect "
     "epoll_wait epoll_pwait sigwait sched_yield thrd_yield"),
    ("waits for as long as its argument says [9.30]", "rte_delay_us_block rte_delay_us rte_delay_ms rte_rcu_qsbr_synchronize"),
    ("makes a system call", "open open64 openat creat close read write pread pwrite readv writev lseek ioctl fcntl fcntl64 "
     "mmap mmap64 munmap mprotect madvise mremap socket connect accept bind listen send recv sendto recvfrom sendmsg "
     "recvmsg sendmmsg recvmmsg stat fstat lstat unlink rename mkdir rmdir ftruncate dup dup2 pipe eventfd memfd_create "
     "syscall kill raise pthread_kill pthread_create pthread_setaffinity_np sched_setaffinity sched_getaffinity "
     "getrandom getrusage"),
    ("starts a process or a thread", "fork vfork clone execve execv execvp execl execlp system popen posix_spawn "
     "thrd_create rte_eal_remote_launch rte_eal_mp_wait_lcore rte_eal_wait_lcore"),
    ("ends the process without a word", "exit _exit _Exit quick_exit"),
    ("changes a device, under its lock", "rte_eth_dev_start rte_eth_dev_stop rte_eth_dev_close rte_eth_dev_configure "
     "rte_eth_stats_get rte_eth_link_get rte_eth_link_get_nowait rte_eth_dev_info_get rte_eth_promiscuous_enable "
     "rte_eth_promiscuous_disable rte_eth_allmulticast_enable rte_eth_allmulticast_disable rte_eth_dev_set_mtu "
     "rte_eth_dev_set_mc_addr_list rte_eal_alarm_set rte_eal_alarm_cancel"),
    ("sorts with memory from the heap", "qsort qsort_r"),
    ("loads code", "dlopen dlsym dlclose"),
)

# Foreign functions that do none of that.
HARMLESS = table(
    ("works on memory alone", "memcpy memmove memset memcmp memchr bcmp strlen strnlen strcmp strncmp strchr strrchr "
     "strcpy strncpy __memcpy_chk __memmove_chk __memset_chk __strcpy_chk __strncpy_chk"),
    ("gives the address of a thread's own variable", "__errno_location __tls_get_addr"),
    ("computes", "__divti3 __udivti3 __modti3 __umodti3 __popcountdi2 __clzdi2 __ctzdi2"),
    ("reads a variable of the EAL", "rte_get_tsc_hz rte_get_timer_hz rte_lcore_to_cpu_id rte_socket_id"),
    ("is made for poll-mode workers: buffers from and to their mempool, by mbuf", "rte_pktmbuf_free_bulk rte_pktmbuf_copy "
     "rte_pktmbuf_clone __rte_pktmbuf_read __rte_pktmbuf_linearize"),
    ("runs callbacks of a port's queue, of which the firmware registers none", "rte_eth_call_rx_callbacks "
     "rte_eth_call_tx_callbacks"),
    ("reads a packet's headers", "rte_net_get_ptype"),
    ("joins the segments of one burst, in tables on its stack", "rte_gro_reassemble_burst"),
)
# What a sanitizer's build adds stands in no product.
INSTRUMENTATION = ("__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__sanitizer_cov_", "__gcov_", "asan.module_")

# Where a path ends: nothing behind them matters to a packet, for something is wrong already, or somebody waits for it.
ENDS = table(
    ("the contract is broken: says how, and stops the firmware unless the verifier is told to count",
     "im_violation im_violation_text im_violation_at im_find im_track_append im_ledger_describe"),
    ("stops: an impossible state in DPDK", "__rte_panic rte_panic rte_exit"),
    ("wakes a host that sleeps and asked for it, by a message that does not wait: at most one of a burst", "hostport_wake"),
    ("stops: a failed check of the compiler's or the C library's", "abort __assert_fail __stack_chk_fail __chk_fail"),
)

# Calls through function pointers of DPDK's inline functions: (header, member or variable).
TRUSTED_POINTERS = {
    ("rte_ethdev.h", "rx_pkt_burst"): "the poll-mode driver of the port",
    ("rte_ethdev.h", "tx_pkt_burst"): "the poll-mode driver of the port",
    ("rte_ethdev.h", "tx_pkt_prepare"): "the poll-mode driver of the port",
    ("rte_mempool.h", "enqueue"): "the ring or stack behind a mempool",
    ("rte_mempool.h", "dequeue"): "the ring or stack behind a mempool",
    ("rte_mbuf.h", "free_cb"): "the poll-mode driver that lent the buffer",
}

# Foreign functions that start a worker with the function that they get.
STARTERS = ("rte_eal_remote_launch",)

# They raise whoever calls them to DISPATCH until the lock is released.
LOCKS = ("im_acquire_spin_lock",)

# Handlers in this folder stand at the two ends of a stack, and nowhere between: a round through them is taken twice.
EDGES = "dataplane/edge/"

# They stand for a driver, so that a round through a stack goes through them as through a handler. By file, as some are static.
ROUNDS = table(
    ("relays in place of a driver in quarantine", "bypass.c:im_bypass_send bypass.c:im_bypass_complete "
     "bypass.c:im_bypass_receive bypass.c:im_bypass_return lookahead.c:show lookahead.c:say_complete"),
)

# They return at once where they are being run already, so that a circle through one of them is taken once.
GUARDED = table(
    ("queue->flushing", "lane.c:edge_port_flush"),
)

# A handler of this type stands in a table to be refused, not to be called.
NEVER_SUPPLIED = "im_never_supplied_t"

# The macro that lists the handlers again, with the levels that the verifier holds the running code to: X(name, level, ...).
HANDLER_TABLE = "IM_HANDLER_TABLE"

# Members through which resident data may keep a reference to init code.
INIT_MEMBERS = {
    ("im_module", "entry"): "the loader maps init code while a driver entry runs",
}
# Resident functions that may call init code: (function, its init function).
INIT_CALLS = {("main", name): "the boot, before init_discard()" for name in ("options_parse", "catch_signals", "firmware_up")}

# Stack of a foreign function and all below it. The most is net_pcap's, which copies a frame of 16 KiB to its stack.
FOREIGN_STACK = 32 << 10
