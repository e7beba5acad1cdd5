import type { Member } from './types';
import type { RoomsRpc } from '../platform-rpc';

/** Lets someone in, or gives a known member another colour. */
export async function join(sql: RoomsRpc, name: string, colour: string | null, at: string): Promise<Member> {
  return await sql.upsertMember<Member>(name, at, colour);
}

export async function members(sql: RoomsRpc): Promise<Member[]> {
  return await sql.listMembers<Member>();
}

export async function names(sql: RoomsRpc): Promise<string[]> {
  const found: string[] = [];
  for (const [name] of await sql.listMemberNames()) {
    found.push(String(name));
  }
  return found;
}
