/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where each member of each record is, written down once: R(record, bytes), and behind it its members in their order,
 * M(record, member, offset, bytes). What changes a line here breaks clients that are out there.
 */
/* clang-format off */
#define LAYOUT_TABLE(R, M) \
	R(sluice_bar_region, 32) \
		M(sluice_bar_region, id, 0, 2) \
		M(sluice_bar_region, bar, 2, 1) \
		M(sluice_bar_region, writer, 3, 1) \
		M(sluice_bar_region, reserved, 4, 4) \
		M(sluice_bar_region, offset, 8, 8) \
		M(sluice_bar_region, length, 16, 8) \
		M(sluice_bar_region, reserved1, 24, 8) \
	R(sluice_bar, 4096) \
		M(sluice_bar, magic, 0, 8) \
		M(sluice_bar, abi_major, 8, 2) \
		M(sluice_bar, abi_minor, 10, 2) \
		M(sluice_bar, regions, 12, 4) \
		M(sluice_bar, table, 16, 1024) \
		M(sluice_bar, answered, 1040, 4) \
		M(sluice_bar, reserved, 1044, 4) \
		M(sluice_bar, welcome, 1048, 128) \
		M(sluice_bar, reserved1, 1176, 2920) \
	R(sluice_bar_host, 4096) \
		M(sluice_bar_host, asked, 0, 4) \
		M(sluice_bar_host, reserved0, 4, 60) \
		M(sluice_bar_host, hello, 64, 64) \
		M(sluice_bar_host, kick, 128, 4) \
		M(sluice_bar_host, reserved1, 132, 3964) \
	R(sluice_desc, 16) \
		M(sluice_desc, offset, 0, 4) \
		M(sluice_desc, length, 4, 2) \
		M(sluice_desc, flags, 6, 2) \
		M(sluice_desc, id, 8, 4) \
		M(sluice_desc, reserved, 12, 4) \
	R(sluice_frame_meta, 16) \
		M(sluice_frame_meta, flags, 0, 1) \
		M(sluice_frame_meta, gso_type, 1, 1) \
		M(sluice_frame_meta, hdr_len, 2, 2) \
		M(sluice_frame_meta, gso_size, 4, 2) \
		M(sluice_frame_meta, csum_start, 6, 2) \
		M(sluice_frame_meta, csum_offset, 8, 2) \
		M(sluice_frame_meta, vlan, 10, 2) \
		M(sluice_frame_meta, reserved, 12, 4) \
	R(sluice_card_line, 192) \
		M(sluice_card_line, receive_tail, 0, 4) \
		M(sluice_card_line, reserved0, 4, 60) \
		M(sluice_card_line, send_head, 64, 4) \
		M(sluice_card_line, reserved1, 68, 60) \
		M(sluice_card_line, return_head, 128, 4) \
		M(sluice_card_line, status, 132, 4) \
		M(sluice_card_line, send_frames, 136, 8) \
		M(sluice_card_line, send_refused, 144, 8) \
		M(sluice_card_line, receive_short, 152, 8) \
		M(sluice_card_line, reserved2, 160, 32) \
	R(sluice_host_line, 256) \
		M(sluice_host_line, send_tail, 0, 4) \
		M(sluice_host_line, reserved0, 4, 60) \
		M(sluice_host_line, receive_head, 64, 4) \
		M(sluice_host_line, reserved1, 68, 60) \
		M(sluice_host_line, return_tail, 128, 4) \
		M(sluice_host_line, reserved2, 132, 60) \
		M(sluice_host_line, want_event, 192, 4) \
		M(sluice_host_line, reserved3, 196, 60) \
	R(sluice_event, 64) \
		M(sluice_event, kind, 0, 2) \
		M(sluice_event, lost, 2, 2) \
		M(sluice_event, number, 4, 4) \
		M(sluice_event, time_ms, 8, 8) \
		M(sluice_event, value, 16, 8) \
		M(sluice_event, subject, 24, 32) \
		M(sluice_event, crc, 56, 4) \
		M(sluice_event, phase, 60, 4) \
	R(sluice_filter_answer, 200) \
		M(sluice_filter_answer, status, 0, 2) \
		M(sluice_filter_answer, reserved, 2, 6) \
		M(sluice_filter_answer, error_offset, 8, 4) \
		M(sluice_filter_answer, reserved1, 12, 4) \
		M(sluice_filter_answer, generation, 16, 8) \
		M(sluice_filter_answer, rule, 24, 176) \
	R(sluice_reporter, 96) \
		M(sluice_reporter, name, 0, 32) \
		M(sluice_reporter, kind, 32, 2) \
		M(sluice_reporter, state, 34, 2) \
		M(sluice_reporter, errors, 36, 4) \
		M(sluice_reporter, since_ms, 40, 8) \
		M(sluice_reporter, text, 48, 48) \
	R(sluice_health, 3072) \
		M(sluice_health, sequence, 0, 4) \
		M(sluice_health, state, 4, 4) \
		M(sluice_health, count, 8, 4) \
		M(sluice_health, omitted, 12, 4) \
		M(sluice_health, reserved0, 16, 16) \
		M(sluice_health, reporter, 32, 2976) \
		M(sluice_health, reserved1, 3008, 64) \
	R(sluice_hello, 64) \
		M(sluice_hello, magic, 0, 8) \
		M(sluice_hello, abi_major, 8, 2) \
		M(sluice_hello, abi_minor, 10, 2) \
		M(sluice_hello, features, 12, 4) \
		M(sluice_hello, port, 16, 32) \
		M(sluice_hello, queues, 48, 2) \
		M(sluice_hello, entries, 50, 2) \
		M(sluice_hello, reserved, 52, 12) \
	R(sluice_welcome, 128) \
		M(sluice_welcome, magic, 0, 8) \
		M(sluice_welcome, abi_major, 8, 2) \
		M(sluice_welcome, abi_minor, 10, 2) \
		M(sluice_welcome, features, 12, 4) \
		M(sluice_welcome, status, 16, 2) \
		M(sluice_welcome, role, 18, 1) \
		M(sluice_welcome, reserved0, 19, 1) \
		M(sluice_welcome, client_id, 20, 4) \
		M(sluice_welcome, ring_entries, 24, 4) \
		M(sluice_welcome, stage_size, 28, 4) \
		M(sluice_welcome, region_size, 32, 32) \
		M(sluice_welcome, data_size, 64, 16) \
		M(sluice_welcome, queues, 80, 2) \
		M(sluice_welcome, entries, 82, 2) \
		M(sluice_welcome, mtu, 84, 4) \
		M(sluice_welcome, mac, 88, 6) \
		M(sluice_welcome, reserved1, 94, 34) \
	R(sluice_capability, 8) \
		M(sluice_capability, id, 0, 2) \
		M(sluice_capability, version, 2, 2) \
		M(sluice_capability, offset, 4, 2) \
		M(sluice_capability, length, 6, 2) \
	R(sluice_info_region, 4096) \
		M(sluice_info_region, magic, 0, 8) \
		M(sluice_info_region, abi_major, 8, 2) \
		M(sluice_info_region, abi_minor, 10, 2) \
		M(sluice_info_region, device_status, 12, 4) \
		M(sluice_info_region, boot_id, 16, 8) \
		M(sluice_info_region, policy_generation, 24, 8) \
		M(sluice_info_region, control_heartbeat, 32, 8) \
		M(sluice_info_region, worker_heartbeat, 40, 8) \
		M(sluice_info_region, version, 48, 32) \
		M(sluice_info_region, features, 80, 4) \
		M(sluice_info_region, events, 84, 4) \
		M(sluice_info_region, reset_generation, 88, 4) \
		M(sluice_info_region, syndrome, 92, 4) \
		M(sluice_info_region, reserved1, 96, 32) \
		M(sluice_info_region, last_words, 128, 256) \
		M(sluice_info_region, previous_words, 384, 256) \
		M(sluice_info_region, reset_reason, 640, 128) \
		M(sluice_info_region, capability, 768, 256) \
		M(sluice_info_region, health, 1024, 3072) \
	R(sluice_doorbell, 4096) \
		M(sluice_doorbell, cq_head, 0, 4) \
		M(sluice_doorbell, reserved0, 4, 60) \
		M(sluice_doorbell, event_head, 64, 4) \
		M(sluice_doorbell, reserved1, 68, 60) \
		M(sluice_doorbell, reserved, 128, 3968) \
	R(sluice_command, 64) \
		M(sluice_command, opcode, 0, 2) \
		M(sluice_command, command_id, 2, 2) \
		M(sluice_command, flags, 4, 4) \
		M(sluice_command, token, 8, 8) \
		M(sluice_command, arg, 16, 16) \
		M(sluice_command, in_offset, 32, 4) \
		M(sluice_command, in_length, 36, 4) \
		M(sluice_command, out_offset, 40, 4) \
		M(sluice_command, out_length, 44, 4) \
		M(sluice_command, reserved, 48, 8) \
		M(sluice_command, crc, 56, 4) \
		M(sluice_command, phase, 60, 4) \
	R(sluice_completion, 32) \
		M(sluice_completion, command_id, 0, 2) \
		M(sluice_completion, status, 2, 2) \
		M(sluice_completion, status_class, 4, 1) \
		M(sluice_completion, do_not_retry, 5, 1) \
		M(sluice_completion, sq_head, 6, 2) \
		M(sluice_completion, error_offset, 8, 4) \
		M(sluice_completion, out_length, 12, 4) \
		M(sluice_completion, result, 16, 8) \
		M(sluice_completion, crc, 24, 4) \
		M(sluice_completion, phase, 28, 4) \
	R(sluice_oid_statistics, 104) \
		M(sluice_oid_statistics, valid, 0, 8) \
		M(sluice_oid_statistics, in_octets, 8, 8) \
		M(sluice_oid_statistics, in_unicast, 16, 8) \
		M(sluice_oid_statistics, in_multicast, 24, 8) \
		M(sluice_oid_statistics, in_broadcast, 32, 8) \
		M(sluice_oid_statistics, in_errors, 40, 8) \
		M(sluice_oid_statistics, in_discards, 48, 8) \
		M(sluice_oid_statistics, out_octets, 56, 8) \
		M(sluice_oid_statistics, out_unicast, 64, 8) \
		M(sluice_oid_statistics, out_multicast, 72, 8) \
		M(sluice_oid_statistics, out_broadcast, 80, 8) \
		M(sluice_oid_statistics, out_errors, 88, 8) \
		M(sluice_oid_statistics, out_discards, 96, 8) \
	R(sluice_policy_header, 32) \
		M(sluice_policy_header, magic, 0, 4) \
		M(sluice_policy_header, version, 4, 2) \
		M(sluice_policy_header, reserved0, 6, 2) \
		M(sluice_policy_header, length, 8, 4) \
		M(sluice_policy_header, ports, 12, 4) \
		M(sluice_policy_header, stacks, 16, 4) \
		M(sluice_policy_header, instances, 20, 4) \
		M(sluice_policy_header, rules, 24, 4) \
		M(sluice_policy_header, reserved1, 28, 4) \
	R(sluice_port, 576) \
		M(sluice_port, name, 0, 32) \
		M(sluice_port, devargs, 32, 512) \
		M(sluice_port, queues, 544, 2) \
		M(sluice_port, mtu, 546, 2) \
		M(sluice_port, rx_pps, 548, 4) \
		M(sluice_port, reserved, 552, 24) \
	R(sluice_stack, 104) \
		M(sluice_stack, name, 0, 32) \
		M(sluice_stack, upper_port, 32, 32) \
		M(sluice_stack, lower_port, 64, 32) \
		M(sluice_stack, reserved, 96, 8) \
	R(sluice_instance, 80) \
		M(sluice_instance, name, 0, 32) \
		M(sluice_instance, driver, 32, 32) \
		M(sluice_instance, stack, 64, 4) \
		M(sluice_instance, default_action, 68, 2) \
		M(sluice_instance, takes_rules, 70, 1) \
		M(sluice_instance, reserved0, 71, 1) \
		M(sluice_instance, first_rule, 72, 4) \
		M(sluice_instance, rules, 76, 4) \
	R(sluice_rule, 128) \
		M(sluice_rule, name, 0, 32) \
		M(sluice_rule, priority, 32, 4) \
		M(sluice_rule, fields, 36, 4) \
		M(sluice_rule, direction, 40, 1) \
		M(sluice_rule, action, 41, 1) \
		M(sluice_rule, family, 42, 1) \
		M(sluice_rule, protocol, 43, 1) \
		M(sluice_rule, src_prefix, 44, 1) \
		M(sluice_rule, dst_prefix, 45, 1) \
		M(sluice_rule, icmp_type, 46, 1) \
		M(sluice_rule, icmp_code, 47, 1) \
		M(sluice_rule, src_addr, 48, 16) \
		M(sluice_rule, dst_addr, 64, 16) \
		M(sluice_rule, src_port, 80, 4) \
		M(sluice_rule, dst_port, 84, 4) \
		M(sluice_rule, tcp_flags, 88, 1) \
		M(sluice_rule, tcp_flags_mask, 89, 1) \
		M(sluice_rule, vlan_id, 90, 2) \
		M(sluice_rule, ethertype, 92, 2) \
		M(sluice_rule, src_mac, 94, 6) \
		M(sluice_rule, src_mac_mask, 100, 6) \
		M(sluice_rule, dst_mac, 106, 6) \
		M(sluice_rule, dst_mac_mask, 112, 6) \
		M(sluice_rule, reserved, 118, 10) \
	R(sluice_list, 32) \
		M(sluice_list, count, 0, 4) \
		M(sluice_list, record_size, 4, 4) \
		M(sluice_list, next, 8, 4) \
		M(sluice_list, total, 12, 4) \
		M(sluice_list, generation, 16, 8) \
		M(sluice_list, reserved, 24, 8) \
	R(sluice_info, 232) \
		M(sluice_info, version, 0, 32) \
		M(sluice_info, dpdk_version, 32, 32) \
		M(sluice_info, policy_generation, 64, 8) \
		M(sluice_info, boot_id, 72, 8) \
		M(sluice_info, uptime_ms, 80, 8) \
		M(sluice_info, tsc_hz, 88, 8) \
		M(sluice_info, changes_applied, 96, 8) \
		M(sluice_info, changes_rejected, 104, 8) \
		M(sluice_info, blocks_retired, 112, 8) \
		M(sluice_info, blocks_waiting, 120, 8) \
		M(sluice_info, commands, 128, 8) \
		M(sluice_info, bad_commands, 136, 8) \
		M(sluice_info, pid, 144, 4) \
		M(sluice_info, workers, 148, 4) \
		M(sluice_info, clients, 152, 4) \
		M(sluice_info, rules, 156, 4) \
		M(sluice_info, rule_budget, 160, 4) \
		M(sluice_info, mbufs, 164, 4) \
		M(sluice_info, mbufs_free, 168, 4) \
		M(sluice_info, packets_free, 172, 4) \
		M(sluice_info, packets, 176, 4) \
		M(sluice_info, hugepages, 180, 1) \
		M(sluice_info, build_id, 181, 20) \
		M(sluice_info, reserved, 201, 3) \
		M(sluice_info, uploads, 204, 4) \
		M(sluice_info, uploads_refused, 208, 8) \
		M(sluice_info, uploads_expired, 216, 8) \
		M(sluice_info, operations_refused, 224, 8) \
	R(sluice_upload_record, 24) \
		M(sluice_upload_record, id, 0, 8) \
		M(sluice_upload_record, length, 8, 4) \
		M(sluice_upload_record, received, 12, 4) \
		M(sluice_upload_record, lease_ms, 16, 4) \
		M(sluice_upload_record, taken, 20, 1) \
		M(sluice_upload_record, reserved, 21, 3) \
	R(sluice_operation_record, 336) \
		M(sluice_operation_record, id, 0, 8) \
		M(sluice_operation_record, begun_ms, 8, 8) \
		M(sluice_operation_record, ended_ms, 16, 8) \
		M(sluice_operation_record, result, 24, 8) \
		M(sluice_operation_record, user, 32, 4) \
		M(sluice_operation_record, error_offset, 36, 4) \
		M(sluice_operation_record, opcode, 40, 2) \
		M(sluice_operation_record, status, 42, 2) \
		M(sluice_operation_record, state, 44, 1) \
		M(sluice_operation_record, percent, 45, 1) \
		M(sluice_operation_record, reserved, 46, 2) \
		M(sluice_operation_record, step, 48, 32) \
		M(sluice_operation_record, answer, 80, 256) \
	R(sluice_port_record, 736) \
		M(sluice_port_record, port, 0, 576) \
		M(sluice_port_record, stack, 576, 32) \
		M(sluice_port_record, edge, 608, 1) \
		M(sluice_port_record, link_up, 609, 1) \
		M(sluice_port_record, mac, 610, 6) \
		M(sluice_port_record, link_mbps, 616, 4) \
		M(sluice_port_record, host_held, 620, 4) \
		M(sluice_port_record, rx_packets, 624, 8) \
		M(sluice_port_record, rx_bytes, 632, 8) \
		M(sluice_port_record, tx_packets, 640, 8) \
		M(sluice_port_record, tx_bytes, 648, 8) \
		M(sluice_port_record, rx_missed, 656, 8) \
		M(sluice_port_record, rx_errors, 664, 8) \
		M(sluice_port_record, tx_errors, 672, 8) \
		M(sluice_port_record, rx_no_mbuf, 680, 8) \
		M(sluice_port_record, host_lent, 688, 8) \
		M(sluice_port_record, host_returned, 696, 8) \
		M(sluice_port_record, host_forfeited, 704, 8) \
		M(sluice_port_record, rx_held_back, 712, 8) \
		M(sluice_port_record, rx_held_back_us, 720, 8) \
		M(sluice_port_record, host_joined, 728, 8) \
	R(sluice_driver_record, 104) \
		M(sluice_driver_record, name, 0, 32) \
		M(sluice_driver_record, description, 32, 64) \
		M(sluice_driver_record, instances, 96, 4) \
		M(sluice_driver_record, takes_rules, 100, 1) \
		M(sluice_driver_record, kind, 101, 1) \
		M(sluice_driver_record, shared, 102, 1) \
		M(sluice_driver_record, reserved, 103, 1) \
	R(sluice_traffic, 16) \
		M(sluice_traffic, packets, 0, 8) \
		M(sluice_traffic, bytes, 8, 8) \
	R(sluice_stack_record, 264) \
		M(sluice_stack_record, stack, 0, 32) \
		M(sluice_stack_record, upper_port, 32, 32) \
		M(sluice_stack_record, lower_port, 64, 32) \
		M(sluice_stack_record, instance, 96, 32) \
		M(sluice_stack_record, driver, 128, 32) \
		M(sluice_stack_record, position, 160, 4) \
		M(sluice_stack_record, state, 164, 1) \
		M(sluice_stack_record, default_action, 165, 2) \
		M(sluice_stack_record, takes_rules, 167, 1) \
		M(sluice_stack_record, rules, 168, 4) \
		M(sluice_stack_record, reserved, 172, 4) \
		M(sluice_stack_record, handled, 176, 32) \
		M(sluice_stack_record, defaulted, 208, 32) \
		M(sluice_stack_record, dropped, 240, 16) \
		M(sluice_stack_record, cycles, 256, 8) \
	R(sluice_worker_record, 80) \
		M(sluice_worker_record, worker, 0, 4) \
		M(sluice_worker_record, lcore, 4, 4) \
		M(sluice_worker_record, cpu, 8, 4) \
		M(sluice_worker_record, lanes, 12, 4) \
		M(sluice_worker_record, polls, 16, 8) \
		M(sluice_worker_record, busy_cycles, 24, 8) \
		M(sluice_worker_record, idle_cycles, 32, 8) \
		M(sluice_worker_record, rx_packets, 40, 8) \
		M(sluice_worker_record, tx_packets, 48, 8) \
		M(sluice_worker_record, bursts, 56, 8) \
		M(sluice_worker_record, generation_seen, 64, 8) \
		M(sluice_worker_record, reserved, 72, 8) \
	R(sluice_rule_record, 176) \
		M(sluice_rule_record, instance, 0, 32) \
		M(sluice_rule_record, rule, 32, 128) \
		M(sluice_rule_record, hits, 160, 16) \
	R(sluice_drop_record, 56) \
		M(sluice_drop_record, where, 0, 32) \
		M(sluice_drop_record, reason, 32, 4) \
		M(sluice_drop_record, direction, 36, 1) \
		M(sluice_drop_record, reserved, 37, 3) \
		M(sluice_drop_record, packets, 40, 8) \
		M(sluice_drop_record, generation, 48, 8) \
	R(sluice_rule_command, 160) \
		M(sluice_rule_command, instance, 0, 32) \
		M(sluice_rule_command, rule, 32, 128) \
	R(sluice_device_record, 72) \
		M(sluice_device_record, name, 0, 32) \
		M(sluice_device_record, driver, 32, 32) \
		M(sluice_device_record, handles, 64, 4) \
		M(sluice_device_record, reserved, 68, 4) \
	R(sluice_stack_command, 136) \
		M(sluice_stack_command, stack, 0, 32) \
		M(sluice_stack_command, instance, 32, 32) \
		M(sluice_stack_command, driver, 64, 32) \
		M(sluice_stack_command, neighbour, 96, 32) \
		M(sluice_stack_command, place, 128, 4) \
		M(sluice_stack_command, reserved, 132, 4) \
	R(sluice_change_answer, 256) \
		M(sluice_change_answer, name, 0, 32) \
		M(sluice_change_answer, text, 32, 224) \
	R(sluice_reset_command, 128) \
		M(sluice_reset_command, reason, 0, 128) \
	R(sluice_oid_command, 40) \
		M(sluice_oid_command, instance, 0, 32) \
		M(sluice_oid_command, oid, 32, 4) \
		M(sluice_oid_command, reserved, 36, 4) \
	R(sluice_oid_record, 8) \
		M(sluice_oid_record, oid, 0, 4) \
		M(sluice_oid_record, reserved, 4, 4)
/* clang-format on */
