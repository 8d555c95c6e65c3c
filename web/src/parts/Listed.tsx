import { Box, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Scroll } from './Scroll';

export type Listing = { key: string; cells: readonly ReactNode[]; about?: string };

/** A plain table on a desk; in a hand each row stands by itself, its first cell above the others with what they are. */
export function Listed({ head, rows, figures = 0, minWidth = 340, name }: { head: readonly string[]; rows: readonly Listing[]; figures?: number; minWidth?: number; name?: string }) {
  const phone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false }) ?? false;
  if (phone) {
    return (
      <Box component="ul" className="plain rows" m={0} p={0} data-listed={name}>{rows.map((row) => (
        <Box component="li" key={row.key} py={8}>
          <Text component="div" size="sm" fw={600} className="wrap">{row.cells[0]}</Text>
          <Box className="told">{row.cells.slice(1).map((cell, at) => <span key={at} className="wrap"><Text span size="xs" c="dimmed">{head[at + 1]}</Text> <Text span size="sm">{cell}</Text></span>)}</Box>
        </Box>
      ))}</Box>
    );
  }
  const figure = (at: number): string | undefined => (at >= head.length - figures ? 'figure' : undefined);
  return (
    <Scroll minWidth={minWidth}>
      <Table data-listed={name}>
        <Table.Thead><Table.Tr>{head.map((one, at) => <Table.Th key={one} className={figure(at)}>{one}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{rows.map((row) => <Table.Tr key={row.key} title={row.about}>{row.cells.map((cell, at) => <Table.Td key={at} className={figure(at)}>{cell}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
      </Table>
    </Scroll>
  );
}
