// Migrates by the engine that comes within the package, over node's own driver: no other program is fetched.
import { PrismaPg } from '@prisma/adapter-pg'
import path from 'node:path'
import pg from 'pg'
import { defineConfig } from 'prisma/config'

const folder = process.env.PRISMA_FOLDER!
const schema = process.env.PRISMA_SCHEMA ?? 'public'

// The adapter does not know the type `name`, which the engine asks for: it is text.
class Pool extends pg.Pool {
  async query(...asked: any[]): Promise<any> {
    const answer = await (super.query as any)(...asked)
    for (const field of answer.fields ?? []) {
      if (field.dataTypeID === 19) field.dataTypeID = 25
    }
    return answer
  }
}

export default defineConfig({
  schema: path.join(folder, 'schema.prisma'),
  migrations: { path: path.join(folder, 'migrations') },
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => {
    const options = `-c search_path=${schema}`
    const pool = new Pool({ connectionString: process.env.DATABASE_URL, options })
    return new PrismaPg(pool, { schema })
  },
})
