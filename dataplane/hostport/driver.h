/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver of virtual devices says to DPDK. DPDK has headers for it, which a package need not install
 * (enable_driver_sdk), and Debian's does not. Where they are missing, this is what of DPDK 22.11 the driver touches, at
 * the places where its libraries of that ABI (23) have it; other members are left nameless. Members have DPDK's names,
 * so that the driver is the same with either. Whatever else is there at run time, the driver does not register itself.
 */
#ifndef HOSTPORT_DRIVER_H
#define HOSTPORT_DRIVER_H

#include <rte_ethdev.h>

#if __has_include(<ethdev_driver.h>) && __has_include(<bus_vdev_driver.h>)
#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#define DRIVER_DPDK "" /* the headers are those of the libraries */
#else
#include <assert.h>

#include <rte_dev.h>

#define DRIVER_DPDK "DPDK 22.11"

struct rte_eth_dev_data {
	char name[RTE_ETH_NAME_MAX_LEN];
	void **rx_queues;
	void **tx_queues;
	uint16_t nb_rx_queues;
	uint16_t nb_tx_queues;
	uint8_t unnamed0[12];
	void *dev_private;
	struct rte_eth_link dev_link;
	struct rte_eth_conf dev_conf;
	uint16_t mtu;
	uint32_t unnamed1;
	uint64_t rx_mbuf_alloc_failed;
	struct rte_ether_addr *mac_addrs;
};
static_assert(offsetof(struct rte_eth_dev_data, rx_queues) == 0x40, "DPDK 22.11");
static_assert(offsetof(struct rte_eth_dev_data, dev_private) == 0x60, "DPDK 22.11");
static_assert(offsetof(struct rte_eth_dev_data, dev_conf) == 0x70, "DPDK 22.11");
static_assert(offsetof(struct rte_eth_dev_data, mtu) == 0x950, "DPDK 22.11");
static_assert(offsetof(struct rte_eth_dev_data, mac_addrs) == 0x960, "DPDK 22.11");

struct rte_eth_dev {
	eth_rx_burst_t rx_pkt_burst;
	eth_tx_burst_t tx_pkt_burst;
	void *unnamed0[4];
	struct rte_eth_dev_data *data;
	void *unnamed1;
	const struct eth_dev_ops *dev_ops;
	struct rte_device *device;
};
static_assert(offsetof(struct rte_eth_dev, data) == 0x30, "DPDK 22.11");
static_assert(offsetof(struct rte_eth_dev, dev_ops) == 0x40, "DPDK 22.11");

struct eth_dev_ops {
	int (*dev_configure)(struct rte_eth_dev *dev);
	int (*dev_start)(struct rte_eth_dev *dev);
	int (*dev_stop)(struct rte_eth_dev *dev);
	void *unnamed0[2];
	int (*dev_close)(struct rte_eth_dev *dev);
	void *unnamed1;
	int (*link_update)(struct rte_eth_dev *dev, int wait);
	void *unnamed2;
	int (*promiscuous_enable)(struct rte_eth_dev *dev);
	int (*promiscuous_disable)(struct rte_eth_dev *dev);
	int (*allmulticast_enable)(struct rte_eth_dev *dev);
	int (*allmulticast_disable)(struct rte_eth_dev *dev);
	void *unnamed3[2];
	int (*mac_addr_set)(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
	int (*set_mc_addr_list)(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t count);
	int (*mtu_set)(struct rte_eth_dev *dev, uint16_t mtu);
	int (*stats_get)(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
	int (*stats_reset)(struct rte_eth_dev *dev);
	int (*xstats_get)(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int count);
	void *unnamed4;
	int (*xstats_get_names)(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int count);
	void *unnamed8;
	int (*dev_infos_get)(struct rte_eth_dev *dev, struct rte_eth_dev_info *info);
	void *unnamed5[16];
	int (*rx_queue_setup)(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors, unsigned int socket,
			      const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
	void *unnamed6[3];
	int (*tx_queue_setup)(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors, unsigned int socket,
			      const struct rte_eth_txconf *conf);
	void *unnamed7[96]; /* more than there are */
};
static_assert(offsetof(struct eth_dev_ops, mac_addr_set) == 0x78, "DPDK 22.11");
static_assert(offsetof(struct eth_dev_ops, mtu_set) == 0x88, "DPDK 22.11");
static_assert(offsetof(struct eth_dev_ops, xstats_get_names) == 0xb0, "DPDK 22.11");
static_assert(offsetof(struct eth_dev_ops, dev_infos_get) == 0xc0, "DPDK 22.11");
static_assert(offsetof(struct eth_dev_ops, rx_queue_setup) == 0x148, "DPDK 22.11");
static_assert(offsetof(struct eth_dev_ops, tx_queue_setup) == 0x168, "DPDK 22.11");

struct rte_eth_dev *rte_eth_dev_allocate(const char *name);
struct rte_eth_dev *rte_eth_dev_allocated(const char *name);
int rte_eth_dev_release_port(struct rte_eth_dev *dev);
void rte_eth_dev_probing_finish(struct rte_eth_dev *dev);

struct driver_links {
	void *next, **previous;
};

struct rte_vdev_device {
	struct driver_links links;
	char device[]; /* struct rte_device, of which only DPDK knows more */
};

struct rte_driver {
	struct driver_links links;
	const char *name;
	const char *alias;
};

struct rte_vdev_driver {
	struct driver_links links;
	struct rte_driver driver;
	int (*probe)(struct rte_vdev_device *dev);
	int (*remove)(struct rte_vdev_device *dev);
	void *unnamed0[2];
	uint32_t drv_flags;
};
static_assert(offsetof(struct rte_vdev_driver, probe) == 0x30, "DPDK 22.11");

void rte_vdev_register(struct rte_vdev_driver *driver);
#endif

#endif
